/** Reads, checks and completes a configuration file. */
import { readFileSync } from "node:fs";
import type { HawserConfig } from "./config.ts";
import { crossCheck } from "./cross-checks.ts";
import { explainIssue } from "./explain.ts";
import type { Finding } from "./explain.ts";
import { ConfigError } from "./problems.ts";
import { Resolution } from "./resolve.ts";
import { configSchema } from "./schema.ts";
import { isExposed } from "./secrets.ts";
import { YamlFile } from "./yaml-file.ts";

/** Octets; a larger file is no configuration. */
const MAX_FILE_SIZE = 4 * 1024 * 1024;

/**
 * @param date milliseconds since 1970, for warnings of certificates that are not valid
 * @throws ConfigError with all that is wrong
 */
export function loadConfig(file: string, date = Date.now()): HawserConfig {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(file, [{ line: 1, path: [], text: `The file cannot be read: ${(error as NodeJS.ErrnoException).message}.` }]);
  }
  const config = parseConfig(file, text, date);
  if (!config.holdsSecrets || !isExposed(file)) return config;
  return { ...config, warnings: [`Everybody may read the secrets in ${file}; run: chmod 600 ${file}`, ...config.warnings] };
}

/** As {@link loadConfig}, for text that is at hand; `file` names it in messages, and paths in it are relative to its directory. */
export function parseConfig(file: string, text: string, date = Date.now()): HawserConfig {
  if (text.length > MAX_FILE_SIZE) {
    throw new ConfigError(file, [{ line: 1, path: [], text: `The file has more than ${MAX_FILE_SIZE} octets; it is no configuration.` }]);
  }
  const yaml = new YamlFile(file, text);
  const refuse = (findings: readonly Finding[]): never => {
    throw new ConfigError(
      file,
      findings.map((finding) => ({ line: yaml.lineOf(finding.path), ...finding })),
    );
  };
  const parsed = configSchema.safeParse(yaml.value);
  if (!parsed.success) return refuse(parsed.error.issues.flatMap((issue) => explainIssue(issue, yaml.value)));
  const resolution = new Resolution(file, date);
  const config = resolution.resolve(file, parsed.data);
  const checked = crossCheck(config);
  const findings = [...resolution.findings, ...checked.findings];
  if (findings.length > 0) return refuse(findings);
  return { ...config, warnings: [...config.warnings, ...checked.warnings] };
}
