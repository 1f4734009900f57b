"""JavaScript for what the page does without asking the server."""

import json
from collections.abc import Mapping, Sequence


ADDRESS_SCRIPT = "() => location.origin + location.pathname"
"""Where the page is, without query."""


LEAVE_SCRIPT = """() => addEventListener("beforeunload", (event) => {
    if (document.querySelector(".tray [data-run]")) event.preventDefault();
})"""
"""Lets the browser ask before a page with pictures is left: they are not there again after a reload."""


PAINTER_SCRIPT = "(painter) => { document.body.dataset.painter = painter; }"
"""Writes down who paints, for the kiosk's script."""


SLIDE_SCRIPT = "() => Number(document.body.dataset.slide)"
"""Tells which slide the kiosk's script asks for."""


FETCH_SCRIPT = """(address) => {
    const link = document.createElement("a");
    link.href = address;
    link.download = "";
    link.click();
}"""
"""Downloads what is at an address."""


def drawing_script(element_id: str) -> str:
    """Return a script from `(values …, drawing)` to the same with the plot as SVG, on white; empty without a plot."""
    return f"""async (...values) => {{
        const plot = document.querySelector("#{element_id} .js-plotly-plot");
        if (!plot?.layout) return [...values.slice(0, -1), ""];
        const {{ data, layout }} = plot;
        const font = {{ ...layout.font, color: "#1e293b" }};
        const figure = {{ data, layout: {{ ...layout, font, paper_bgcolor: "#fff", plot_bgcolor: "#fff" }} }};
        const url = await window.Plotly.toImage(figure, {{ format: "svg", width: 900, height: 560 }});
        return [...values.slice(0, -1), decodeURIComponent(url.slice(url.indexOf(",") + 1))];
    }}"""


def lookup_script(table: Mapping[str, float | str]) -> str:
    """Return a script from a component's value to the table's."""
    return f"(key) => ({json.dumps(table)})[key]"


def constant_script(value: str | bool) -> str:
    """Return a script that gives the same value, whatever comes in."""
    return f"() => {json.dumps(value)}"


def forget_script(values: Sequence[str], source: str) -> str:
    """Return a script from `(source, text)` to both: a text that no visitor wrote leaves, the source is the first."""
    return f"""(source, text) =>
        source === "auto" || {json.dumps(values)}.includes(text) ? [{json.dumps(source)}, ""] : [source, text]"""


def replace_script(table: Mapping[str, str]) -> str:
    """Return a script from a text to the table's, where it has one."""
    return f"(text) => new Map({json.dumps(list(table.items()))}).get(text) ?? text"


def paste_script(element_ids: Sequence[str]) -> str:
    """Make a picture that is pasted anywhere on the page a choice of the image component that is seen, or the last."""
    selector = ", ".join(f"#{element_id}" for element_id in element_ids)
    return f"""() => document.addEventListener("paste", (event) => {{
        const photos = [...document.querySelectorAll("{selector}")];
        const photo = photos.find((each) => each.checkVisibility()) ?? document.getElementById("{element_ids[-1]}");
        const input = photo?.querySelector("input[type=file]");
        const files = [...event.clipboardData.files].filter((file) => file.type.startsWith("image/"));
        if (!input || !files.length) return;
        event.preventDefault();
        const transfer = new DataTransfer();
        transfer.items.add(files[0]);
        input.files = transfer.files;
        input.dispatchEvent(new Event("change", {{ bubbles: true }}));
    }})"""


def press_script(element_id: str) -> str:
    """Press a button as soon as it can be pressed."""
    return f"""() => {{
        const pressing = setInterval(() => {{
            const button = document.getElementById("{element_id}");
            if (button?.disabled) return;
            clearInterval(pressing);
            button?.click();
        }}, 50);
    }}"""


def random_script(end: int) -> str:
    """Return a script that gives a random whole number from 0 to below `end`."""
    return f"() => Math.floor(Math.random() * {end})"


def scroll_script(element_id: str) -> str:
    """Bring an element's top into view where it is not, as on a phone."""
    return f"""() => {{
        const element = document.getElementById("{element_id}");
        const {{ top }} = element.getBoundingClientRect();
        if (top < 0 || top > innerHeight / 2) element.scrollIntoView({{ behavior: "smooth" }});
    }}"""


def name_script(selector: str, names: Sequence[str]) -> str:
    """For `js_on_load`: gives elements names for screen readers, in their order, as soon as they are there."""
    return f"""const naming = setInterval(() => {{
        const found = document.querySelectorAll({json.dumps(selector)});
        if (!found.length) return;
        {json.dumps(names)}.forEach((name, number) => found[number]?.setAttribute("aria-label", name));
        clearInterval(naming);
    }}, 100);"""


def stale_script(element_id: str, is_stale: bool) -> str:
    """Mark an element as of a photo that is no longer chosen, or take the mark away."""
    return f"""() => document.getElementById("{element_id}").toggleAttribute("data-stale", {json.dumps(is_stale)})"""


def fresh_script(element_id: str) -> str:
    """Return a script from whether an element shows the chosen photo; where it does, it is not marked any more."""
    return f"""(is_fresh) => {{
        if (is_fresh) document.getElementById("{element_id}")?.toggleAttribute("data-stale", false);
    }}"""


def share_photo_script(tabs: Sequence[tuple[str, int, str]]) -> str:
    """Return a script from tabs' photos, each with the texts that leave with it, to the same with one photo in all.

    It is the one chosen since the script ran last, the last of them where there are several.

    Args:
        tabs: Of each photo, the identity of its results, which are marked as of another photo where it changes; the
            number of its texts; and a script from these to those for another photo.
    """
    parts = ", ".join(f'{{ result: "{result}", texts: {texts}, leave: {script} }}' for result, texts, script in tabs)
    return f"""(...values) => {{
        const tabs = [{parts}].map((tab) => {{
            const [photo, ...texts] = values.splice(0, 1 + tab.texts);
            return {{ ...tab, photo, texts }};
        }});
        const seen = window.seenPhotos ?? [];
        const chosen = tabs.findLast(({{ photo }}, place) => photo && photo.path !== seen[place])?.photo;
        const shared = tabs.map(({{ result, photo, texts, leave }}) => {{
            if (!chosen || photo?.path === chosen.path) return [photo, ...texts];
            if (photo) document.getElementById(result)?.toggleAttribute("data-stale", true);
            return [chosen, leave(...texts)].flat();
        }});
        window.seenPhotos = shared.map(([photo]) => photo?.path);
        return shared.flat();
    }}"""


def lend_settings_script(borrower: str, usual: Sequence[object]) -> str:
    """Return a script from lent and own values, as many of each, to a tab's: those that changed where they are lent.

    So the visitor's last choice counts, wherever it was made.

    Args:
        borrower: Name of the tab.
        usual: What the lent values are before any choice.
    """
    return f"""(...values) => {{
        const lent = values.slice(0, {len(usual)}), own = values.slice({len(usual)});
        const seen = ((window.lentSettings ??= {{}})["{borrower}"] ??= {json.dumps(usual)});
        window.lentSettings["{borrower}"] = lent;
        return own.map((value, place) => (lent[place] === seen[place] ? value : lent[place]));
    }}"""


def size_script(element_id: str, sizes: Sequence[int]) -> str:
    """Show the bytes that a position of the size slider stands for, from 1 on, see `SizeControl`."""
    return f"""(position) => {{
        const size = {json.dumps(sizes)}[position - 1];
        const text = position ? size.toLocaleString("en") + " bytes" : "the preset as it is";
        document.querySelector("#{element_id}-bytes b").textContent = text;
    }}"""


def step_script(element_id: str) -> str:
    """Show the step of a transmission that a number of groups stands for, see `transmission`."""
    return f"""(received) => {{
        const element = document.getElementById("{element_id}");
        element?.querySelectorAll("[data-group]").forEach((group) => {{
            const number = Number(group.dataset.group);
            group.dataset.state = number < received ? "known" : number === received ? "sent" : "unknown";
        }});
        element?.querySelectorAll("[data-step]").forEach((step) => {{
            step.toggleAttribute("hidden", Number(step.dataset.step) !== received);
        }});
    }}"""
