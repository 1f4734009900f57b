"""The page: one module a tab, no codec logic. Only this package imports gradio."""
