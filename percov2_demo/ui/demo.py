"""The page as a whole: header, tabs, and how it is served."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from starlette.middleware import Middleware

from percov2_demo.images import MAX_FILE_BYTES
from percov2_demo.ui.api import create_endpoints
from percov2_demo.ui.controls.photo import PhotoInput
from percov2_demo.ui.events import PAGE_EVENT, Updates
from percov2_demo.ui.kiosk import Kiosk, Slide
from percov2_demo.ui.panels.run_cards import create_run_list
from percov2_demo.ui.pictures import picture_path, picture_url
from percov2_demo.ui.scripts import (
    LEAVE_SCRIPT,
    PAINTER_SCRIPT,
    SLIDE_SCRIPT,
    lend_settings_script,
    paste_script,
    share_photo_script,
)
from percov2_demo.ui.server.cleaning import cleaning
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.folder import KeptFolder
from percov2_demo.ui.server.gradio_internals import FriendlyBlocks, share_queue_fairly, tool_server
from percov2_demo.ui.server.limits import RequestLimits
from percov2_demo.ui.session.page_state import Session
from percov2_demo.ui.tabs.about import create_about, ways_out
from percov2_demo.ui.tabs.caption_lab import CaptionLab
from percov2_demo.ui.tabs.compress import COMPRESS_TAB, CompressTab
from percov2_demo.ui.tabs.decode import DECODE_TAB, DecodeTab
from percov2_demo.ui.tabs.inside import InsideTab
from percov2_demo.ui.tabs.session import BOARD_TAB, SessionBoard
from percov2_demo.ui.tabs.tradeoff_lab import TradeoffLab
from percov2_demo.ui.tabs.vote import VoteTab
from percov2_demo.ui.templates import render
from percov2_demo.ui.theme import STYLESHEETS, explorer_theme


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

MAX_WAITING_VISITORS = 32

MAX_SESSIONS = 100
"""Visitors whose settings and results are kept; one takes half a megabyte by gradio's (6.31) bookkeeping alone."""


def build_demo(pipeline: "Codec", kiosk: Kiosk | None = None, public_url: str | None = None) -> gr.Blocks:
    """Lay out the page around a pipeline; nothing is kept outside the returned object and the visitors' sessions.

    Args:
        pipeline: The codec.
        kiosk: When the page shows which slides by itself; None for never.
        public_url: Where others reach the page, for links and QR codes; None for wherever the visitor does.
    """
    with FriendlyBlocks(title="PerCoV2 Explorer", analytics_enabled=False) as demo:
        slides = kiosk.slides if kiosk else ()
        session = Session.create(demo, public_url, [slide.photo for slide in slides])
        with gr.Row(elem_classes="head"):
            gr.HTML(_header_html(pipeline))
            tray = create_run_list(visible=False, min_width=0)
        with gr.Tabs() as tabs:
            with gr.Tab("Compress", id=COMPRESS_TAB):
                compress = CompressTab(pipeline, session)
            with gr.Tab("Session", id=BOARD_TAB):
                board = SessionBoard(pipeline, session, compress, tabs, tray)
            with gr.Tab("Vote", id="vote"):
                VoteTab(board.kept)
            with gr.Tab("Caption lab", id="caption-lab") as tab:
                captions = CaptionLab(pipeline, session)
                _lend_settings(tab, "captions", compress.sampling.pair_with(captions.sampling))
            with gr.Tab("Trade-off lab", id="tradeoff-lab") as tab:
                tradeoff = TradeoffLab(pipeline, session)
                _lend_settings(tab, "tradeoff", [(compress.sampling.painter, tradeoff.controls.painter)])
            photos = [captions.photo, tradeoff.photo]
            if pipeline.has_entropy_models:
                with gr.Tab("Inside the codec", id="inside"):
                    photos.append(InsideTab(pipeline, session).photo)
            with gr.Tab("Decode", id=DECODE_TAB) as tab:
                decode = DecodeTab(pipeline, session, tabs)
                _lend_settings(tab, "decode", compress.sampling.pair_with(decode.sampling))
            with gr.Tab("About", id="about"):
                create_about(pipeline)
        # Last, so that its photo counts where the board has brought an earlier one back into it.
        photos.append(compress.photo)
        _share_photo(tabs, photos)
        demo.load(None, js=paste_script([photo.image.elem_id for photo in photos]), **PAGE_EVENT)
        if slides:
            _offer_slides(compress, slides)
        if kiosk is not None and kiosk.painters:
            _offer_turns(compress)
        demo.load(None, js=LEAVE_SCRIPT if kiosk is None else kiosk.script(), **PAGE_EVENT)
        create_endpoints(pipeline)
    return share_queue_fairly(demo, MAX_WAITING_VISITORS)


def launch_options() -> dict[str, Any]:
    """Return arguments for the demo's `launch`, the same wherever it is served; they let no request leave the server.

    Where gradio's extra "mcp" is installed, the endpoints for programs are tools of an MCP server too.
    """
    return tool_server() | {
        "theme": explorer_theme(),
        "css_paths": STYLESHEETS,
        "i18n": gr.I18n(en={"common.complete": "Done"}),
        "favicon_path": picture_path("mark"),
        "footer_links": ["api", "settings"],
        "max_file_size": MAX_FILE_BYTES,
        "state_session_capacity": MAX_SESSIONS,
        "app_kwargs": {"lifespan": cleaning, "middleware": [Middleware(RequestLimits), Middleware(KeptFolder)]},
        "run_history": False,
        "enable_monitoring": False,
        "show_error": False,
        "share": False,
    }


def _share_photo(tabs: gr.Tabs, photos: Sequence[PhotoInput]) -> None:
    """Let a photo that was chosen in one tab be that of all, when another is opened."""
    values = [component for photo in photos for component in (photo.image, *photo.texts)]
    script = share_photo_script([(photo.result_id, len(photo.texts), photo.leaving_script) for photo in photos])
    tabs.select(None, values, values, js=script, **PAGE_EVENT)


def _lend_settings(tab: gr.Tab, name: str, pairs: Iterable[tuple[Component, Component]]) -> None:
    """Let a tab that is opened have what the visitor has set in Compress since it was opened last.

    Args:
        tab: The tab.
        name: What it is called among those that borrow.
        pairs: Components of Compress, each with the tab's own.
    """
    lent, own = map(list, zip(*pairs, strict=True))
    script = lend_settings_script(name, [component.value for component in lent])
    tab.select(None, [*lent, *own], own, js=script, **PAGE_EVENT)


def _offer_slides(compress: CompressTab, slides: Sequence[Slide]) -> None:
    """Lay out what the kiosk's script presses for a slide."""

    def choose(number: float) -> Updates:
        slide = slides[int(number) % len(slides)]
        return compress.choose(slide.photo, slide.caption)

    outputs = [compress.photo.image, *compress.caption.components]
    button = gr.Button("Next slide", visible="hidden", elem_id="next-slide")
    button.click(friendly(choose), gr.Number(visible=False), outputs, js=SLIDE_SCRIPT, **PAGE_EVENT)


def _offer_turns(compress: CompressTab) -> None:
    """Lay out what the kiosk's script presses for the next painter."""
    painter, *settings = reversed(compress.sampling.components)
    button = gr.Button("Next painter", visible="hidden", elem_id="next-painter")
    turned = button.click(compress.next_painter, painter, [painter, *settings], **PAGE_EVENT)
    turned.success(None, painter, js=PAINTER_SCRIPT, **PAGE_EVENT)


def _header_html(pipeline: "Codec") -> str:
    return render("masthead.html", mark=picture_url("mark"), note=pipeline.description, links=ways_out(pipeline))
