"""The venue's answers and requests as checked values. Unknown fields are ignored, missing ones are named errors."""
