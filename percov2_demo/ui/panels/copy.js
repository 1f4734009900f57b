element.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy");
    if (!button) return;
    const text = button.parentElement.querySelector("code");
    try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
    } catch {
        // Without permission, or over plain HTTP, the text is at least selected.
        getSelection().selectAllChildren(text);
        button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
});
