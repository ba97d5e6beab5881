/** What a server's INFO says about how well it keeps streams. */

const majorMin = 7;

/** Why this server cannot keep streams; undefined: it can. */
export function refusalOf(server: string, info: string): string | undefined {
  const version = fieldOf(info, 'redis_version') ?? 'unknown';
  if (Number.parseInt(version, 10) >= majorMin) return undefined;
  return (
    `Redis at ${server} is version ${version}, and streams need Redis ${majorMin} or later ` +
    `(functions): update it, or give streams another store`
  );
}

/** What its operator should know before streams are trusted to it. */
export function warningsOf(server: string, info: string): readonly string[] {
  const warnings: string[] = [];
  const hasFile = fieldOf(info, 'aof_enabled') === '1';
  const hasReplicas = Number(fieldOf(info, 'connected_slaves') ?? 0) > 0;
  if (!hasFile && !hasReplicas) {
    warnings.push(
      `Redis at ${server} has neither an append-only file nor a replica: when it restarts, ` +
        `streams lose their history, and clients are told that they missed messages. ` +
        `Set "appendonly yes", or add a replica`,
    );
  }
  const policy = fieldOf(info, 'maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction') {
    warnings.push(
      `Redis at ${server} has maxmemory-policy ${policy}: it may drop streams before their ` +
        `retention is over. Set "maxmemory-policy noeviction"`,
    );
  }
  return warnings;
}

function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}
