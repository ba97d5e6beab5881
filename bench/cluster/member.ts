/** A program of the cluster that can be killed and started again at the same address. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Guard } from './guard.ts';
import { Program, type ProgramCommand } from './program.ts';

export interface MemberOptions {
  readonly command: ProgramCommand;
  readonly guard: Guard;
  /** True once it does its work. Asked again and again; may reject. */
  readonly isReady: () => Promise<boolean>;
  /** It ended and nobody had asked it to. */
  readonly onDeath: (member: Member, how: string) => void;
}

const readyMsMax = 20_000;
const pollMs = 20;

export class Member {
  readonly #options: MemberOptions;
  #program: Program | undefined;
  #isAskedToEnd = false;

  constructor(options: MemberOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.command.name;
  }

  get isRunning(): boolean {
    return this.#program?.isRunning ?? false;
  }

  /** Of the present process, or of the last one. */
  get pid(): number {
    return this.#program?.pid ?? 0;
  }

  /** The last lines that it wrote. */
  get output(): string {
    return this.#program?.output ?? '';
  }

  /** Resolves when it does its work. @throws Error with its output otherwise. */
  async start(): Promise<void> {
    const { command, guard, onDeath } = this.#options;
    this.#isAskedToEnd = false;
    const program = await Program.start(command, guard);
    this.#program = program;
    await this.#untilReady(program);
    void program.ended.then((how) => {
      if (!this.#isAskedToEnd) onDeath(this, how);
    });
  }

  /** Sends a signal that need not end it, for instance SIGSTOP. */
  signal(name: NodeJS.Signals): void {
    this.#program?.signal(name);
  }

  /** Sends a signal that ends it; resolves when it has ended. */
  async kill(name: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#isAskedToEnd = true;
    this.#program?.signal(name);
    await this.#program?.ended;
  }

  /** Ends it where it runs, and starts it at the same address. Resolves when it does its work. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    this.#isAskedToEnd = true;
    await this.#program?.stop();
  }

  async #untilReady(program: Program): Promise<void> {
    const deadline = performance.now() + readyMsMax;
    for (;;) {
      if (program.isRunning && (await this.#options.isReady().catch(() => false))) return;
      const isLate = performance.now() > deadline;
      if (isLate || !program.isRunning) {
        this.#isAskedToEnd = true;
        await program.stop();
        const how = isLate ? 'is not ready in time' : `ended with ${await program.ended}`;
        throw new Error(`${this.name} ${how}. Its last output:\n${program.output}`);
      }
      await delay(pollMs);
    }
  }
}
