/** Many runs of one test, each from a seed of its own. */

const only = process.env["HAWSER_SEED"] === undefined ? undefined : Number(process.env["HAWSER_SEED"]);

/**
 * Runs seeds 1 to `count`. A failure names its seed; with HAWSER_SEED=n that one runs alone, and is handed where to tell its story: for hundreds
 * of runs, decrypting every message for nobody would cost more than the runs.
 */
export function forEachSeed(count: number, run: (seed: number, tell: ((line: string) => void) | undefined) => void): void {
  const seeds = only === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [only];
  for (const seed of seeds) {
    try {
      run(seed, only === undefined ? undefined : (line) => process.stderr.write(`${line}\n`));
    } catch (error) {
      throw new Error(`seed ${seed} (HAWSER_SEED=${seed}): ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
}
