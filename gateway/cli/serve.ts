/** `trunkline serve`: runs a gateway until a signal. */
import { Command } from 'commander';
import { secretsOf, type GatewayConfig } from '../config.ts';
import { loadConfigWithOrigins } from '../config/load-config.ts';
import { settings } from '../config/settings-table.ts';
import { createLogger, type Logger } from '../telemetry/log.ts';
import { clientUrl, signClientToken } from '../tokens/sign.ts';
import { CommandFailure, exitCodes, type Host, type ServingGateway } from './host.ts';
import { addSettingFlags, settingFlags } from './options.ts';

/** How long a gateway may take to stop after a failure. */
const crashStopTimeoutMs = 5000;

const examples = `
Every setting can be a flag, a variable TRUNKLINE_… or a key of the file; the flag wins, then the
variable. "trunkline config" shows what is in effect.

Examples:
  $ trunkline serve --mode development
  $ TRUNKLINE_ACCESS_KEY=… trunkline serve --host 0.0.0.0 --public-endpoints https://rt.example.com
  $ trunkline serve --config trunkline.json`;

export function serveCommand(host: Host): Command {
  const command = new Command('serve').description('Runs a gateway until SIGTERM or Ctrl-C');
  return addSettingFlags(command)
    .addHelpText('after', examples)
    .action(async () => {
      const readFile = (path: string): string => host.readFile(path).toString();
      const input = { flags: settingFlags(command), env: host.env, readFile };
      const { config, originOf } = loadConfigWithOrigins(input);
      const log = createLogger({
        level: config.logLevel,
        format: config.logFormat,
        secrets: secretsOf(config),
        write: (line) => host.printError(line),
      });
      const isKeyMadeUp = originOf(settings.accessKey).kind === 'generated';
      await serve(config, { host, log, isKeyMadeUp });
    });
}

interface ServeContext {
  readonly host: Host;
  readonly log: Logger;
  readonly isKeyMadeUp: boolean;
}

async function serve(config: GatewayConfig, context: ServeContext): Promise<void> {
  const { host, log } = context;
  // Listening begins before the start, so that a signal during it is not lost.
  let gateway: ServingGateway | undefined;
  const end = new End(host, (signal) => {
    log.error('Ending at once: this is the second signal', { signal });
    gateway?.kill?.();
  });
  try {
    gateway = await host.startGateway(config, { log });
    void gateway.failed?.then((error) => end.fail(error));
    host.print(`Trunkline listens on ${gateway.url}\n`);
    if (config.mode === 'development') host.print(developmentHints(config, gateway, context));
    const cause = await end.reached;
    if (cause.kind === 'signal') {
      log.info('Stopping; another signal ends it at once', { signal: cause.signal });
      await gateway.drain();
      return;
    }
    if (cause.kind === 'failure') {
      log.error('Stopping', { error: cause.error });
      await gateway.stop();
      throw new CommandFailure(cause.error.message);
    }
    log.error('Stopping after an error that nothing handled', { error: cause.error });
    await stopInTime(gateway, log);
    throw new CommandFailure(
      'The gateway stopped after an error that nothing handled; see the log',
    );
  } finally {
    end.close();
  }
}

type Cause =
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'failure'; readonly error: Error }
  | { readonly kind: 'crash'; readonly error: unknown };

/** Waits for the first reason to stop; the second signal ends the process at once. */
class End {
  readonly reached: Promise<Cause>;
  readonly #removeSignal: () => void;
  readonly #removeCrash: () => void;
  readonly #resolve: (cause: Cause) => void;

  /** @param kill ends at once what this process runs beside itself. */
  constructor(host: Host, kill: (signal: string) => void) {
    const { promise, resolve } = newDeferred<Cause>();
    let hasSignal = false;
    this.reached = promise;
    this.#resolve = resolve;
    this.#removeSignal = host.onSignal((signal) => {
      if (hasSignal) {
        kill(signal);
        host.exit(exitCodes.failed);
      }
      hasSignal = true;
      resolve({ kind: 'signal', signal });
    });
    this.#removeCrash = host.onCrash((error) => resolve({ kind: 'crash', error }));
  }

  /** The gateway cannot go on by itself. */
  fail(error: Error): void {
    this.#resolve({ kind: 'failure', error });
  }

  close(): void {
    this.#removeSignal();
    this.#removeCrash();
  }
}

function newDeferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((onValue) => {
    resolve = onValue;
  });
  return { promise, resolve };
}

/** After a failure the state is unknown: stopping may fail, or never end. */
async function stopInTime(gateway: ServingGateway, log: Logger): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, crashStopTimeoutMs);
  });
  try {
    await Promise.race([gateway.stop(), timeout]);
  } catch (error) {
    log.error('Stopping failed', { error });
  } finally {
    clearTimeout(timer);
  }
}

/** All that a developer needs to connect. A key that was given is not repeated. */
function developmentHints(
  config: GatewayConfig,
  gateway: ServingGateway,
  context: ServeContext,
): string {
  const [accessKey = ''] = config.accessKeys;
  const endpoint = config.publicEndpoints[0] ?? gateway.url;
  const hub = 'chat';
  const token = signClientToken({
    accessKey,
    endpoint,
    hub,
    userId: 'anna',
    roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'],
    minutesToExpire: 24 * 60,
  });
  const shownKey = context.isKeyMadeUp ? accessKey : '<your key>';
  const keyHint = context.isKeyMadeUp
    ? `  access key         made up for this start and this machine; set ${settings.accessKey.variable} to keep one\n`
    : '';
  return (
    keyHint +
    `  client URL         ${clientUrl(endpoint, hub, token)}\n` +
    `  connection string  Endpoint=${endpoint};AccessKey=${shownKey};Version=1.0;\n` +
    `  page               ${gateway.url}/\n`
  );
}
