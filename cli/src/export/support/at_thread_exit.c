static int (*exits[THREADS][4])(void), exit_count[THREADS];

static void at_thread_exit(int (*callback)(void))
{
    int t = (int)(me - shared->threads);
    exits[t][exit_count[t]++] = callback;
}

static void run_exits(void)
{
    int t = (int)(me - shared->threads);
    while (exit_count[t] > 0)
        exits[t][--exit_count[t]]();
}

