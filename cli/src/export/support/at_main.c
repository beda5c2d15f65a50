/* The program that Py_RunMain() and Py_Main() read from standard input: it calls a function among the builtins. */
static PyMethodDef *main_method;

static void give_program(const char *before)
{
    FILE *program = tmpfile();
    if (main_method)
        fprintf(program, "%s%s()\n", before, main_method->ml_name);
    fflush(program);
    lseek(fileno(program), 0, SEEK_SET);
    dup2(fileno(program), STDIN_FILENO);
}

static int run_main(void)
{
    give_program("");
    if (main_method && PyGILState_Check())
        add_builtin(main_method);
    return Py_RunMain();
}

static PyObject *make_tstate_main(void)
{
    static struct PyModuleDef empty = {PyModuleDef_HEAD_INIT, "tstate_main", NULL, -1};
    add_builtin(main_method);
    return PyModule_Create(&empty);
}

/* Py_Main(), with arguments of its own: without the user's site. */
static int main_program(void)
{
    static char *arguments[] = {"python", "-s", "-B", "-S", NULL};
    if (main_method)
        PyImport_AppendInittab("tstate_main", make_tstate_main);
    give_program("import tstate_main\n");
    return Py_BytesMain(SITE ? 3 : 4, arguments);
}

