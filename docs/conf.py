"""The documentation site: ``tox -e docs`` builds it, and fails on any warning.

Its pages are read where they are, so that links work in the repository and on the site alike.
"""

project = "bench"
author = "The bench authors"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
]
include_patterns = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "docs/**.md",
    "reports/sample/**.md",
    "results/**.md",
]
root_doc = "docs/index"
# Tables that a report wrote have no headings.
suppress_warnings = ["toc.no_title"]

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_mock_imports = ["torch", "constriction", "safetensors"]

html_theme = "furo"
html_extra_path = ["_site"]  # sends the site's own address to its first page
html_title = "bench"
html_copy_source = False
html_show_copyright = False
