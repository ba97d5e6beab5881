/** One question to one or several nodes: who has to answer, who has, and when it is over. */
import type { GatewayError } from '../../errors.ts';

/** What came of a question. */
export interface SurveyResult {
  /** Values by node. */
  readonly answers: ReadonlyMap<string, unknown>;
  /** Nodes that could not do it, with what they said. */
  readonly failures: ReadonlyMap<string, GatewayError>;
  /** Nodes that should have answered and did not, as far as they are known. */
  readonly missing: readonly string[];
  /** False: an answer may be missing, so that "no" means "unknown". */
  readonly isComplete: boolean;
}

export class Survey {
  readonly #answers = new Map<string, unknown>();
  readonly #failures = new Map<string, GatewayError>();
  readonly #isEnough: (value: unknown) => boolean;
  readonly #settle: (result: SurveyResult) => void;
  /** undefined while it is not known who got the question. */
  #expected: readonly string[] | undefined;

  /**
   * @param isEnough an answer that makes all others unnecessary.
   * @param settle called when it is over; calls after the first have no effect.
   */
  constructor(isEnough: (value: unknown) => boolean, settle: (result: SurveyResult) => void) {
    this.#isEnough = isEnough;
    this.#settle = settle;
  }

  /** Says whose answers make it complete. Others that answer too are used, never waited for. */
  expect(nodes: readonly string[]): void {
    this.#expected = nodes;
    this.#endIfComplete();
  }

  answer(nodeId: string, value: unknown): void {
    this.#answers.set(nodeId, value);
    if (this.#isEnough(value)) this.end();
    else this.#endIfComplete();
  }

  fail(nodeId: string, error: GatewayError): void {
    this.#failures.set(nodeId, error);
    this.#endIfComplete();
  }

  /** These died: nobody waits for them any more. */
  forget(nodes: readonly string[]): void {
    this.#expected = this.#expected?.filter((nodeId) => !nodes.includes(nodeId));
    this.#endIfComplete();
  }

  /** The time is over. */
  end(): void {
    this.#settle({
      answers: this.#answers,
      failures: this.#failures,
      missing: this.#missing ?? [],
      isComplete: this.#missing?.length === 0,
    });
  }

  #endIfComplete(): void {
    if (this.#missing?.length === 0) this.end();
  }

  get #missing(): readonly string[] | undefined {
    return this.#expected?.filter(
      (nodeId) => !this.#answers.has(nodeId) && !this.#failures.has(nodeId),
    );
  }
}
