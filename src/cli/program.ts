/** The command line as a whole. */
import { Command } from "commander";
import { EXIT_CODE_TEXTS } from "../daemon/exit-codes.ts";
import { VERSION } from "../daemon/version.ts";
import { addCheck } from "./verbs/check.ts";
import { addDown } from "./verbs/down.ts";
import { addInitiate } from "./verbs/initiate.ts";
import { addReference } from "./verbs/reference.ts";
import { addRekey } from "./verbs/rekey.ts";
import { addStatus } from "./verbs/status.ts";
import { addTerminate } from "./verbs/terminate.ts";
import { addUp } from "./verbs/up.ts";

export function createProgram(): Command {
  const program = new Command("hawser")
    .description("An IKEv2/IPsec endpoint that lays one tunnel from many Child SAs, one per CPU (RFC 9611).")
    .version(VERSION)
    .showSuggestionAfterError()
    .showHelpAfterError("(hawser --help says more)")
    .addHelpText("after", exitStatusHelp());
  for (const add of [addUp, addStatus, addDown, addInitiate, addTerminate, addRekey, addCheck, addReference]) add(program);
  // Errors are thrown to main.ts, which alone ends the process.
  for (const command of [program, ...program.commands]) command.exitOverride();
  return program;
}

function exitStatusHelp(): string {
  const lines = Object.entries(EXIT_CODE_TEXTS).map(([code, text]) => `  ${code}  ${text}`);
  return `
Examples:
  hawser check -c hawser.yaml      tell what is wrong with a configuration
  hawser up -c hawser.yaml         run the daemon in the foreground
  hawser status                    show SAs, counters and drops
  hawser down                      end the daemon cleanly

Exit status:
${lines.join("\n")}`;
}
