/* What the import of `site` runs: a `sitecustomize` that is built in. */
static int (*site_callback)(void);

static PyObject *make_sitecustomize(void)
{
    static struct PyModuleDef empty = {PyModuleDef_HEAD_INIT, "sitecustomize", NULL, -1};
    if (site_callback)
        site_callback();
    return PyModule_Create(&empty);
}

static void at_site(int (*callback)(void))
{
    static int done;
    if (!done++)
        PyImport_AppendInittab("sitecustomize", make_sitecustomize);
    site_callback = callback;
}

