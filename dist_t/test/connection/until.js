/** Waits until something holds; rejects after a time in which it surely should. */
export async function until(holds, what, patienceMs = 10_000) {
    const deadline = Date.now() + patienceMs;
    while (!holds()) {
        if (Date.now() > deadline)
            throw new Error(`in vain: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 1));
    }
}
/** Lets everything that is under way in this thread, sockets included, come to rest; for what must not happen. */
export async function settle(turns = 20) {
    for (let i = 0; i < turns; i++)
        await new Promise((resolve) => setTimeout(resolve, 1));
}
