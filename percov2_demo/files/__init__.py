"""Write files whole or not at all, and tables whose cells no spreadsheet takes for formulas."""
