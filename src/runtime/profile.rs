//! Releases of CPython, and every difference between them as a method.
