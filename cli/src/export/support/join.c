/* Waits natively: not a word to Python. */
static void join(int t)
{
    while (shared->threads[t].state != ENDED && shared->threads[t].state != UNWOUND)
        usleep(500);
}

