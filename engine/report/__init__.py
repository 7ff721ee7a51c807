"""Reports of what a run did: terminal tables, Markdown and one self-contained HTML page, all from one layout."""
