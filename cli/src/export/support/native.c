/* module.function(), called by bytecode */
static int call_native(const char *module, const char *function)
{
    char text[128];
    snprintf(text, sizeof text, "import %s\n%s.%s()\n", module, module, function);
    return PyRun_SimpleString(text);
}

