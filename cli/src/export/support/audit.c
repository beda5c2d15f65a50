static __thread int auditing;               /* it raises an event of the scenario's own */

/* Whether an audit event is the scenario's business: its own, its own imports, and those of a runtime's life. */
static int is_told(const char *event, PyObject *args)
{
    static const char *const known[] = {KNOWN_EVENTS};
    HOOKING
    if (strcmp(event, "import") == 0) {
        const char *name = importing && args ? PyUnicode_AsUTF8(PyTuple_GetItem(args, 0)) : NULL;
        return name && strcmp(name, importing) == 0;
    }
    for (size_t place = 0; place < sizeof known / sizeof *known; place++)
        if (strcmp(event, known[place]) == 0)
            return 1;
    return auditing;
}

/* PySys_Audit(), without its exception */
static int audit(const char *event)
{
    auditing = 1;
    int result = PySys_Audit(event, NULL);
    auditing = 0;
    if (result != 0)
        PyErr_Clear();
    return result;
}

