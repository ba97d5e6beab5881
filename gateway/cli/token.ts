/** `trunkline token`: a URL with which a client may connect. */
import { Command } from 'commander';
import { clientUrl, signClientToken } from '../tokens/sign.ts';
import { addAccessFlags, resolveAccess, type AccessFlags } from './gateway-access.ts';
import type { Host } from './host.ts';
import { collect, hubOption, integerParser } from './options.ts';

interface TokenFlags extends AccessFlags {
  readonly hub: string;
  readonly user?: string;
  readonly role?: readonly string[];
  readonly group?: readonly string[];
  readonly minutes: number;
  readonly json?: boolean;
}

const minutesMax = 60 * 24 * 365;

const examples = `
Examples:
  $ trunkline token --hub chat --user anna
  $ trunkline token --hub chat --user anna --role webpubsub.joinLeaveGroup.news --minutes 5
  $ trunkline token --hub chat --group news --json`;

export function tokenCommand(host: Host): Command {
  const command = new Command('token')
    .description('Prints a URL with a token for one client')
    .addOption(hubOption())
    .option('--user <id>', 'User of the connection; without it the client is anonymous')
    .option(
      '--role <role>',
      'What the client may do: webpubsub.sendToGroup.news (repeatable)',
      collect,
    )
    .option('--group <name>', 'Group that the client is in from the start (repeatable)', collect)
    .option(
      '--minutes <number>',
      'How long it can be used to connect',
      integerParser(1, minutesMax),
      60,
    )
    .option('--json', 'Print the URL, its parts and the end of its life as JSON')
    .addHelpText('after', examples);
  return addAccessFlags(command).action(() => {
    printToken(command.opts<TokenFlags>(), host);
  });
}

function printToken(flags: TokenFlags, host: Host): void {
  const { endpoint, accessKey } = resolveAccess(flags, host.env);
  const nowSeconds = Math.floor(Date.now() / 1000);
  const token = signClientToken({
    accessKey,
    endpoint,
    hub: flags.hub,
    userId: flags.user,
    roles: flags.role,
    groups: flags.group,
    minutesToExpire: flags.minutes,
    nowSeconds,
  });
  const url = clientUrl(endpoint, flags.hub, token);
  if (flags.json !== true) {
    host.print(`${url}\n`);
    return;
  }
  const [baseUrl] = url.split('?');
  const expiresAt = new Date((nowSeconds + flags.minutes * 60) * 1000).toISOString();
  host.print(`${JSON.stringify({ url, baseUrl, token, expiresAt })}\n`);
}
