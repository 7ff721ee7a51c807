"""The checks, one file each, named ``at<number>_<name>.py``; each has one ``CHECK``. The registry finds them."""
