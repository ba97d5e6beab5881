/** One question to several nodes: who has to answer, who has, and when it is over. */
import type { GatewayError } from '../../errors.ts';

/** What came of a question. */
export interface SurveyResult {
  /** Values by node. */
  readonly answers: ReadonlyMap<string, unknown>;
  /** Nodes that could not do it, with what they said. */
  readonly failures: ReadonlyMap<string, GatewayError>;
  /** Nodes that should have answered and did not, as far as they are known by name. */
  readonly missing: readonly string[];
  /** False: at least one answer is missing, so that "no" means "unknown". */
  readonly isComplete: boolean;
}

/**
 * Whose answers make it complete: nodes by name, or a number of nodes where the broker told how
 * many got the question.
 */
export type Expected = { readonly nodes: readonly string[] } | { readonly count: number };

export class Survey {
  readonly #answers = new Map<string, unknown>();
  readonly #failures = new Map<string, GatewayError>();
  readonly #settle: (result: SurveyResult) => void;
  readonly #isEnough: (value: unknown) => boolean;
  readonly #living: () => readonly string[];
  /** undefined while the broker has not said yet who got the question. */
  #expected: Expected | undefined;
  #isOver = false;

  /**
   * @param isEnough an answer that makes all others unnecessary.
   * @param living nodes that are not dead now.
   */
  constructor(options: {
    readonly settle: (result: SurveyResult) => void;
    readonly isEnough: (value: unknown) => boolean;
    readonly living: () => readonly string[];
  }) {
    this.#settle = options.settle;
    this.#isEnough = options.isEnough;
    this.#living = options.living;
  }

  expect(expected: Expected): void {
    this.#expected = expected;
    this.#endIfComplete();
  }

  answer(nodeId: string, value: unknown): void {
    this.#answers.set(nodeId, value);
    if (this.#isEnough(value)) this.#end();
    else this.#endIfComplete();
  }

  fail(nodeId: string, error: GatewayError): void {
    this.#failures.set(nodeId, error);
    this.#endIfComplete();
  }

  /** A node died: nobody waits for it any more. */
  nodeDied(): void {
    this.#endIfComplete();
  }

  /** The time is over. */
  end(): void {
    this.#end();
  }

  #endIfComplete(): void {
    if (this.#isComplete()) this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#settle({
      answers: this.#answers,
      failures: this.#failures,
      missing: this.#missing(),
      isComplete: this.#isComplete(),
    });
  }

  #isComplete(): boolean {
    const expected = this.#expected;
    if (expected === undefined) return false;
    if ('count' in expected) return this.#heard >= expected.count;
    return this.#missing().length === 0;
  }

  get #heard(): number {
    return this.#answers.size + this.#failures.size;
  }

  /** Who was asked by name and lives; where only a number is known, any of the living. */
  #missing(): string[] {
    const living = this.#living();
    const expected = this.#expected;
    const asked =
      expected !== undefined && 'nodes' in expected
        ? expected.nodes.filter((nodeId) => living.includes(nodeId))
        : living;
    return asked.filter((nodeId) => !this.#answers.has(nodeId) && !this.#failures.has(nodeId));
  }
}
