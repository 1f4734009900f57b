"""Colours and type of the page; what a theme cannot say is in `styles/`."""

from pathlib import Path

from gradio.themes import Base, LocalFont, colors, sizes


STYLESHEETS = [
    Path(__file__).parent / "styles" / f"{name}.css"
    for name in ("gradio", "base", "page", "result", "comparison", "runs", "inside", "about", "kiosk")
]
"""In the order in which they are applied."""


def explorer_theme() -> Base:
    """Return the page's theme; its fonts come with gradio, so nothing is fetched from elsewhere."""
    return Base(
        primary_hue=colors.indigo,
        secondary_hue=colors.indigo,
        neutral_hue=colors.slate,
        radius_size=sizes.radius_lg,
        text_size=sizes.text_md,
        font=(LocalFont("IBM Plex Sans", weights=(400, 700)), "ui-sans-serif", "system-ui", "sans-serif"),
        font_mono=(LocalFont("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"),
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="#0b1020",
        background_fill_primary="white",
        background_fill_primary_dark="#121a2f",
        background_fill_secondary="*neutral_50",
        background_fill_secondary_dark="#0e1527",
        block_background_fill="white",
        block_background_fill_dark="#121a2f",
        block_border_color="*neutral_200",
        block_border_color_dark="#243049",
        border_color_primary="*neutral_200",
        border_color_primary_dark="#243049",
        block_shadow="0 1px 2px rgb(15 23 42 / 0.05)",
        block_shadow_dark="none",
        prose_header_text_weight="700",
        block_title_text_weight="700",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        block_label_text_weight="700",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        body_text_color="*neutral_800",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        input_background_fill="*neutral_50",
        input_background_fill_dark="#0e1527",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        input_border_color="*neutral_200",
        input_border_color_dark="#243049",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_primary_text_color="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_dark="#1a2540",
        button_secondary_background_fill_hover_dark="#243049",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="#33415f",
        button_border_width="1px",
        button_large_text_weight="700",
        color_accent="*primary_600",
        color_accent_soft_dark="#232b57",
        checkbox_label_background_fill_hover="*checkbox_label_background_fill",
        checkbox_label_background_fill_selected="*color_accent_soft",
        checkbox_label_background_fill_selected_dark="*color_accent_soft",
        checkbox_label_text_color_selected="*body_text_color",
        checkbox_label_border_color_hover="*color_accent",
        checkbox_label_border_color_selected="*color_accent",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
        loader_color="*primary_600",
        loader_color_dark="*primary_400",
    )
