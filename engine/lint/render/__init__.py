"""Findings as people and other programs read them. Every renderer takes findings and the texts they point into.

``sources`` maps the file names of the spans to their text; a file that is not there is named without a snippet.
The order is that of the places, whatever order the findings came in, and no text ends with a line break.
"""

from engine.lint.render.common import summary
from engine.lint.render.github import render_github
from engine.lint.render.json import render_json
from engine.lint.render.junit import render_junit
from engine.lint.render.sarif import render_sarif
from engine.lint.render.text import render_text

__all__ = ["render_github", "render_json", "render_junit", "render_sarif", "render_text", "summary"]
