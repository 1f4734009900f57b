// The markup is drawn anew with every value, so what the visitor did is kept here and applied again.
const view = { mode: "divider", split: 50, zoom: 1, x: 0, y: 0, pixels: false, photo: null };
const pointers = new Map();
const MAX_ZOOM = 16;
let drag = null;

const find = (selector) => element.querySelector(selector);
const clamp = (value, lowest, highest) => Math.min(highest, Math.max(lowest, value));
// Pictures move in shares of a pane, so that panes of any size show the same part.
const paneBox = () => find(view.mode === "flip" ? ".pane.original" : ".pane").getBoundingClientRect();

function apply() {
    const root = find(".comparison");
    if (!root) return;
    const photo = find(".pane.original img").getAttribute("src");
    if (photo !== view.photo) Object.assign(view, { photo, zoom: 1, x: 0, y: 0, split: 50 });
    view.x = clamp(view.x, 1 - view.zoom, 0);
    view.y = clamp(view.y, 1 - view.zoom, 0);
    root.dataset.mode = view.mode;
    root.classList.toggle("pixels", view.pixels);
    root.classList.toggle("zoomed", view.zoom > 1);
    const style = { split: `${view.split}%`, zoom: view.zoom, x: `${100 * view.x}%`, y: `${100 * view.y}%` };
    for (const [name, value] of Object.entries(style)) root.style.setProperty(`--${name}`, value);
    find("[data-tool=fit]").textContent = `${view.zoom.toFixed(view.zoom < 10 && view.zoom % 1 ? 1 : 0)}×`;
    find("[data-tool=pixels]").setAttribute("aria-pressed", view.pixels);
    find(".divider")?.setAttribute("aria-valuenow", Math.round(view.split));
    for (const button of element.querySelectorAll("[data-mode]"))
        if (button !== root) button.setAttribute("aria-pressed", button.dataset.mode === view.mode);
}

function zoom(factor, clientX, clientY) {
    const box = paneBox();
    const zoomed = clamp(view.zoom * factor, 1, MAX_ZOOM);
    // With panes side by side, the point is looked for in the one under the pointer.
    const x = clientX === undefined ? 0.5 : (((clientX - box.left) / box.width) % 1 + 1) % 1;
    const y = clientY === undefined ? 0.5 : (clientY - box.top) / box.height;
    view.x = x - ((x - view.x) * zoomed) / view.zoom;
    view.y = y - ((y - view.y) * zoomed) / view.zoom;
    view.zoom = zoomed;
    apply();
}

function flip() {
    view.split = view.split > 50 ? 0 : 100;
    apply();
}

function useTool(tool) {
    if (tool === "in") zoom(2);
    if (tool === "out") zoom(0.5);
    if (tool === "fit") zoom(1 / view.zoom);
    if (tool === "pixels") view.pixels = !view.pixels;
    if (tool === "fullscreen")
        document.fullscreenElement ? document.exitFullscreen() : find(".comparison").requestFullscreen();
    apply();
}

element.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.tool) useTool(button.dataset.tool);
    if (button.dataset.mode) {
        view.mode = button.dataset.mode;
        view.split = view.mode === "flip" ? 0 : 50;
        apply();
    }
});

element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 10 : 2;
    const keys = {
        ArrowLeft: () => (view.split = clamp(view.split - step, 0, 100)),
        ArrowRight: () => (view.split = clamp(view.split + step, 0, 100)),
        Home: () => (view.split = 0),
        End: () => (view.split = 100),
        1: () => (view.split = 100),
        2: () => (view.split = 50),
        3: () => (view.split = 0),
        "+": () => zoom(2),
        "=": () => zoom(2),
        "-": () => zoom(0.5),
        0: () => zoom(1 / view.zoom),
    };
    if (event.target.tagName !== "BUTTON") keys[" "] = flip;
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
    apply();
});

element.addEventListener("wheel", (event) => {
    // A plain wheel scrolls the page; with Ctrl, as a trackpad's pinch also says, it would enlarge all of the page.
    if (!event.ctrlKey || !event.target.closest(".stage")) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 200), event.clientX, event.clientY);
}, { passive: false });

element.addEventListener("pointerdown", (event) => {
    const stage = event.target.closest(".stage");
    if (!stage || event.button > 0) return;
    pointers.set(event.pointerId, event);
    stage.setPointerCapture(event.pointerId);
    const onDivider = event.target.closest(".divider") || (view.mode === "divider" && view.zoom === 1);
    drag = view.mode === "flip" && view.zoom === 1 ? null : onDivider ? "divider" : "picture";
    if (view.mode === "flip" && view.zoom === 1) flip();
    if (drag === "divider") moveDivider(event);
    find(".divider")?.focus({ preventScroll: true });
});

function moveDivider(event) {
    const box = paneBox();
    view.split = clamp((100 * (event.clientX - box.left)) / box.width, 0, 100);
    apply();
}

element.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const box = paneBox();
    const other = [...pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
    if (other) {
        const distance = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
        zoom(distance(event) / (distance(last) || 1), other.clientX, other.clientY);
    } else if (drag === "divider") {
        moveDivider(event);
    } else if (drag === "picture") {
        view.x += (event.clientX - last.clientX) / box.width;
        view.y += (event.clientY - last.clientY) / box.height;
        apply();
    }
    pointers.set(event.pointerId, event);
});

for (const name of ["pointerup", "pointercancel"])
    element.addEventListener(name, (event) => pointers.delete(event.pointerId));

watch("value", apply);
apply();
