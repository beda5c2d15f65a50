static int accepted(int callback, int result)
{
    if (result == 0)
        shared->accepted[callback]++;
    return result;
}

