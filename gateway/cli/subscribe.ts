/** `trunkline subscribe`: connects as a client and prints what arrives. */
import { Command } from 'commander';
import { WebSocket } from 'ws';
import { clientUrl, signClientToken } from '../tokens/sign.ts';
import { addAccessFlags, resolveAccess, type AccessFlags } from './gateway-access.ts';
import { CommandFailure, type Host } from './host.ts';
import { formatMessage, parseFrame } from './message-text.ts';
import { collect, hubOption, integerParser } from './options.ts';

interface SubscribeFlags extends AccessFlags {
  readonly hub: string;
  readonly user?: string;
  readonly group?: readonly string[];
  readonly json?: boolean;
  readonly count?: number;
}

const subprotocol = 'json.webpubsub.azure.v1';
const handshakeTimeoutMs = 15_000;
const frameBytesMax = 64 * 1024 * 1024;

const examples = `
Messages go to standard output, one line each; all else goes to standard error.

Examples:
  $ trunkline subscribe --hub chat --group news
  $ trunkline subscribe --hub chat --user anna --json --count 1`;

export function subscribeCommand(host: Host): Command {
  const command = new Command('subscribe')
    .description('Prints messages as a client gets them, until Ctrl-C')
    .addOption(hubOption())
    .option('--user <id>', 'User to connect as')
    .option('--group <name>', 'Group to be in (repeatable)', collect)
    .option('--json', 'Print frames as they are, in place of a line for people')
    .option('--count <number>', 'Stop after so many messages', integerParser(1, 1_000_000_000))
    .addHelpText('after', examples);
  return addAccessFlags(command).action(async () => {
    const flags = command.opts<SubscribeFlags>();
    const { endpoint, accessKey } = resolveAccess(flags, host.env);
    const token = signClientToken({
      accessKey,
      endpoint,
      hub: flags.hub,
      userId: flags.user,
      groups: flags.group,
      minutesToExpire: 5,
    });
    await new Subscription(flags, endpoint, host).run(clientUrl(endpoint, flags.hub, token));
  });
}

class Subscription {
  readonly #flags: SubscribeFlags;
  readonly #endpoint: string;
  readonly #host: Host;
  #received = 0;
  #isStopping = false;

  constructor(flags: SubscribeFlags, endpoint: string, host: Host) {
    this.#flags = flags;
    this.#endpoint = endpoint;
    this.#host = host;
  }

  /** Resolves after a signal or the last message wanted; rejects when the gateway ends it. */
  async run(url: string): Promise<void> {
    const socket = new WebSocket(url, subprotocol, {
      handshakeTimeout: handshakeTimeoutMs,
      maxPayload: frameBytesMax,
      perMessageDeflate: false,
    });
    const removeListener = this.#host.onSignal(() => this.#stop(socket));
    try {
      await this.#untilClosed(socket);
    } finally {
      removeListener();
    }
  }

  #untilClosed(socket: WebSocket): Promise<void> {
    return new Promise((resolve, reject) => {
      socket.on('message', (data: Buffer) => this.#onFrame(data.toString(), socket));
      socket.on('unexpected-response', (_request, response) => {
        response.resume();
        socket.terminate();
        reject(this.#refusal(response.statusCode ?? 0));
      });
      socket.on('error', (error) => {
        if (this.#isStopping) resolve();
        else reject(this.#unreachable(error));
      });
      socket.on('close', (code, reason) => {
        if (this.#isStopping) resolve();
        else reject(closed(code, reason.toString()));
      });
    });
  }

  #stop(socket: WebSocket): void {
    // A second signal does not wait for the gateway's answer to the close.
    if (this.#isStopping) socket.terminate();
    this.#isStopping = true;
    socket.close(1000);
  }

  #onFrame(text: string, socket: WebSocket): void {
    if (this.#isStopping) return;
    const frame = parseFrame(text);
    if (frame.type === 'system') {
      const id = frame.connectionId === undefined ? '' : ` as ${frame.connectionId}`;
      this.#host.printError(`${frame.event ?? 'system'}${id}\n`);
    }
    if (frame.type !== 'message') return;
    // Between the values of a JSON text a line break is a blank, and within them there is none.
    const line =
      this.#flags.json === true ? text.replaceAll(/[\r\n]+/g, ' ') : formatMessage(frame);
    this.#host.print(`${line}\n`);
    this.#received += 1;
    if (this.#received === this.#flags.count) this.#stop(socket);
  }

  #refusal(status: number): CommandFailure {
    const hint = status === 401 ? '; are endpoint and access key those of this gateway?' : '';
    return new CommandFailure(
      `The gateway at ${this.#endpoint} refused the connection: ${String(status)}${hint}`,
    );
  }

  #unreachable(error: Error): CommandFailure {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
    const why = error.message === '' ? code : error.message;
    return new CommandFailure(
      `The connection to the gateway at ${this.#endpoint} failed: ${why}. Does it run there?`,
      { cause: error },
    );
  }
}

function closed(code: number, reason: string): CommandFailure {
  const why = reason === '' ? '' : ` (${reason})`;
  return new CommandFailure(`The gateway closed the connection: ${String(code)}${why}`);
}
