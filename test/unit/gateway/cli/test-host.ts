/** A host for commands in this process: what they print is kept, signals are sent by the test. */
import { CommandFailure, type Host, type StartGateway } from '../../../../gateway/cli/host.ts';
import { runProgram } from '../../../../gateway/cli/program.ts';

export interface TestHostOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly startGateway?: StartGateway;
}

export class TestHost implements Host {
  readonly env: Readonly<Record<string, string>>;
  readonly startGateway: StartGateway;
  stdout = '';
  stderr = '';
  readonly exits: number[] = [];
  readonly #files: Readonly<Record<string, string>>;
  readonly #stdin: string;
  readonly #signalListeners = new Set<(signal: string) => void>();
  readonly #crashListeners = new Set<(error: unknown) => void>();
  #onPrint: () => void = () => undefined;

  constructor(options: TestHostOptions = {}) {
    this.env = options.env ?? {};
    this.#files = options.files ?? {};
    this.#stdin = options.stdin ?? '';
    this.startGateway =
      options.startGateway ?? (() => Promise.reject(new CommandFailure('no gateway in this test')));
  }

  run(...args: readonly string[]): Promise<number> {
    return runProgram(args, '1.2.3', this);
  }

  readFile(path: string): Buffer {
    const text = this.#files[path];
    if (text === undefined) throw new Error('no such file');
    return Buffer.from(text);
  }

  readStdin(): Promise<Buffer> {
    return Promise.resolve(Buffer.from(this.#stdin));
  }

  print(text: string): void {
    this.stdout += text;
    this.#onPrint();
  }

  printError(text: string): void {
    this.stderr += text;
    this.#onPrint();
  }

  onSignal(listener: (signal: string) => void): () => void {
    this.#signalListeners.add(listener);
    return () => this.#signalListeners.delete(listener);
  }

  onCrash(listener: (error: unknown) => void): () => void {
    this.#crashListeners.add(listener);
    return () => this.#crashListeners.delete(listener);
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  signal(name: string): void {
    for (const listener of this.#signalListeners) listener(name);
  }

  crash(error: unknown): void {
    for (const listener of this.#crashListeners) listener(error);
  }

  /** How many listeners the command left behind or still has. */
  get listenerCount(): number {
    return this.#signalListeners.size + this.#crashListeners.size;
  }

  /** Resolves once something was printed that the pattern matches. */
  async printed(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.stdout + this.stderr)) {
      await new Promise<void>((resolve) => {
        this.#onPrint = resolve;
      });
    }
  }
}
