"""One page of HTML, and the same as Markdown and CSV, about the runs of one or several folders."""
