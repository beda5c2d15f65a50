/* A callback's -1 is an exception. */
static int raised(int result)
{
    if (result == -1)
        PyErr_SetString(PyExc_RuntimeError, "the callback failed");
    return result;
}

/* Drops the exception of a call that failed. */
static int dropped(int result)
{
    if (result != 0 && PyErr_Occurred())
        PyErr_Clear();
    return result;
}

