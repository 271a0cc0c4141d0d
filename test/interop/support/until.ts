/** Waiting for what another process does in its own time. */

const INTERVAL = 50;

export const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Asks again and again until the answer is not undefined, and returns it.
 *
 * @param what for the error's sentence: "a second Child SA is up"
 * @param explain added to the error, e.g. the last lines of a log
 * @throws Error when that takes longer than `patience` milliseconds
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  { patience = 10_000, explain = () => "" }: { patience?: number; explain?: () => string } = {},
): Promise<T> {
  const deadline = Date.now() + patience;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > deadline) throw new Error(`Not within ${patience / 1000} s: ${what}.\n${explain()}`);
    await sleep(INTERVAL);
  }
}
