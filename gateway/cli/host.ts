/** What commands need of the process they run in, so that tests can run them in one process. */
import type { GatewayConfig } from '../config.ts';
import type { Logger } from '../telemetry/log.ts';

/** A gateway that listens. */
export interface ServingGateway {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** Resolves with the reason when it cannot go on; `stop` is still to be called. */
  readonly failed?: Promise<Error>;
  stop(): Promise<void>;
  /** Sends its clients away one after the other, then stops. */
  drain(): Promise<void>;
  /** Ends at once what it runs beside this process. */
  kill?(): void;
}

export type StartGateway = (
  config: GatewayConfig,
  options: { readonly log: Logger },
) => Promise<ServingGateway>;

export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Throws when the file cannot be read. */
  readFile(path: string): Buffer;
  readStdin(): Promise<Buffer>;
  /** Writes to standard output, as it is. */
  print(text: string): void;
  /** Writes to standard error, as it is. */
  printError(text: string): void;
  /** Calls for each SIGINT and SIGTERM until the returned function is called. */
  onSignal(listener: (signal: string) => void): () => void;
  /** Calls for errors that nothing handled until the returned function is called. */
  onCrash(listener: (error: unknown) => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
  readonly startGateway: StartGateway;
}

/** Exit codes of every command. */
export const exitCodes = { ok: 0, failed: 1, wrongUsage: 2 } as const;

/** The command was not called as it can be; the message says how. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command was right and did not work; the message says why. Exit code 1. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}
