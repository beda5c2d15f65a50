/* os.fork() */
static int os_fork(void)
{
    return PyRun_SimpleString("import posix\nposix.fork()\n");
}

