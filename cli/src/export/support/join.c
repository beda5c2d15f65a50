/* Waits natively: not a word to Python. */
static void join(int t)
{
    while (!is_over(t))
        usleep(500);
}

