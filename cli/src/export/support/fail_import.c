static __thread int hooking;                /* its own hook is being added */
static const char *volatile fails_to_import;

/* Refuses the import with which the stage that fails begins. */
static int refuse_import(const char *event, PyObject *args, void *data)
{
    const char *name = fails_to_import;
    if (name == NULL || strcmp(event, "import") != 0)
        return 0;
    const char *imported = PyUnicode_AsUTF8(PyTuple_GetItem(args, 0));
    if (imported == NULL || strcmp(imported, name) != 0)
        return 0;
    fails_to_import = NULL;
    PyErr_SetString(PyExc_RuntimeError, "the stage fails");
    return -1;
}

static void fail_import(const char *name)
{
    hooking = 1;
    PySys_AddAuditHook(refuse_import, NULL);
    hooking = 0;
    fails_to_import = name;
}

