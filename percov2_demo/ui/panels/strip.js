// A picture that comes while others are painted leaves what the visitor opened open.
let chosen = null;

function mark() {
    const list = element.querySelector("ol");
    if (!list) return;
    const isThere = chosen && list.querySelector(`[data-run="${chosen}"]:enabled`);
    if (!("keeps" in list.dataset) || !isThere) chosen = list.dataset.shown;
    for (const button of list.querySelectorAll("button"))
        button.setAttribute("aria-pressed", !button.disabled && button.dataset.run === chosen);
}

element.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button || button.disabled) return;
    chosen = button.dataset.run;
    mark();
    trigger("select", { index: Number(chosen), value: chosen });
});

watch("value", mark);
