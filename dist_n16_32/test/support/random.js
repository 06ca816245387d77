/** Draws from `seed`, by default a new one or that in the environment's MENAGERIE_TEST_SEED. */
export function random(seed = Number(process.env.MENAGERIE_TEST_SEED ?? Date.now() % 0x7fffffff)) {
    let state = seed >>> 0;
    return {
        seed,
        below(limit) {
            // mulberry32
            state = (state + 0x6d2b79f5) >>> 0;
            let mixed = Math.imul(state ^ (state >>> 15), state | 1);
            mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
            return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
        },
    };
}
