// Every change of hands is a new page: nobody meets what another left, and a run that failed leaves nothing behind.
({ idle, show, patience, slides, shuffled, painters }) => {
    const NEXT = "percov2-kiosk";
    const find = (selector) => document.querySelector(selector);
    const source = (selector) => find(selector)?.getAttribute("src");
    const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    const next = sessionStorage.getItem(NEXT);
    // A picture in the address was the last visitor's; the theme is the host's.
    const theme = new URLSearchParams(location.search).get("__theme");
    const home = location.pathname + (theme ? `?${new URLSearchParams({ __theme: theme })}` : "");
    let lastTouch = performance.now();
    let pointer = null;
    let isLeaving = false;

    // With the number of a slide, the new page shows the slides from there on; without, it is a visitor's.
    async function renew(number) {
        if (isLeaving) return;
        isLeaving = true;
        if (number === null) sessionStorage.removeItem(NEXT);
        else sessionStorage.setItem(NEXT, number);
        // Where nothing answers, the browser's own error page would be the last one.
        while (!(await fetch(home).then((answer) => answer.ok, () => false))) await sleep(1);
        // Gradio (6.31) breaks its streams off when the page is left, and handles none of these errors.
        addEventListener("unhandledrejection", (event) => event.preventDefault());
        location.replace(home);
    }

    async function until(isSo) {
        const end = performance.now() + 1000 * patience;
        while (!isSo()) {
            if (performance.now() > end || find("[data-testid=toast-body]")) throw new Error("the run failed");
            await sleep(0.1);
        }
    }

    const untilAnother = (selector, last) => until(() => source(selector) && source(selector) !== last);

    function press(key) {
        find("#comparison .comparison").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    }

    async function wipe(key, seconds) {
        for (let step = 0; step < 50; step++) {
            press(key);
            await sleep(seconds / 50);
        }
    }

    // The picture to take along, where its link leads to more than this computer.
    async function showCode() {
        // What is in a fold is there once it was opened.
        if (!find(".share")) {
            find("#link-fold button").click();
            await sleep(0.5);
        }
        const drawing = find(".share .qr svg")?.cloneNode(true);
        if (!drawing || find(".share .warning")) return;
        const code = find("#kiosk-code") ?? find(".gradio-container").appendChild(document.createElement("figure"));
        code.id = "kiosk-code";
        code.replaceChildren(drawing, "This picture, on your phone");
        // Phones do not read finer ones from where a visitor stands.
        if (drawing.getBoundingClientRect().width < 3 * drawing.viewBox.baseVal.width) code.replaceChildren();
    }

    // Each file in turn: the photo, what is painted from the file, and both side by side.
    async function compare(number) {
        const button = find(`#strip li:nth-child(${number + 1}) button`);
        const isOpen = button.getAttribute("aria-pressed") === "true";
        const painting = "#comparison .result img";
        const last = source(painting);
        find("#kiosk-code")?.replaceChildren();
        press("1");
        button.click();
        if (!isOpen) await untilAnother(painting, last);
        await sleep(0.15 * show);
        await showCode();
        await wipe("ArrowLeft", 0.25 * show);
        await sleep(0.25 * show);
        await wipe("ArrowRight", 0.15 * show);
        press("2");
        await sleep(0.2 * show);
    }

    // The page writes down who paints as soon as its settings are those of the next painter.
    async function changePainter() {
        const { painter } = document.body.dataset;
        find("#next-painter").click();
        await until(() => document.body.dataset.painter !== painter);
    }

    async function present(slide) {
        const last = source("#photo img");
        document.body.dataset.slide = slide;
        find("#next-slide").click();
        await untilAnother("#photo img", last);
        const button = find("#compress");
        button.click();
        await until(() => button.disabled);
        await until(() => !button.disabled && find("#comparison .result"));
        const files = document.querySelectorAll("#strip button:enabled").length;
        for (let number = 0; number < files; number++) await compare(number);
    }

    async function presentAll(number) {
        document.body.dataset.kiosk = "";
        const drawn = () => (shuffled ? Math.floor(Math.random() * slides) : number);
        try {
            await until(() => find("#next-slide"));
            for (; number < slides; number++) {
                await present(drawn());
                if (painters) await changePainter();
            }
            await renew(0);
        } catch {
            await sleep(show);
            await renew((number + 1) % slides);
        }
    }

    function notice(event) {
        if (!event.isTrusted) return;
        if (event.type === "pointermove") {
            // Browsers also tell of a pointer that rests while the page moves under it.
            const isAtRest = !pointer || Math.hypot(event.screenX - pointer.screenX, event.screenY - pointer.screenY) < 4;
            pointer ??= event;
            if (isAtRest) return;
            pointer = event;
        }
        lastTouch = performance.now();
        if (next === null) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        renew(null);
    }

    for (const name of ["pointerdown", "pointermove", "touchstart", "keydown", "wheel", "click"])
        addEventListener(name, notice, { capture: true, passive: false });
    if (next === null) setInterval(() => performance.now() - lastTouch > 1000 * idle && renew(0), 250);
    else presentAll(Number(next));
}
