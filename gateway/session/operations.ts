/**
 * The operations of one connection that run: each is executed once per ackId, and answered when
 * the client asked for an answer.
 */
import { isInternal } from '../error-response.ts';
import type { Limits } from '../limits.ts';
import type { AckOutcome, ClientId64, Reply, ReplyError } from '../protocol/model.ts';
import { AckLedger, type AckHistory } from './ack-ledger.ts';
import { replyErrorOf } from './reply-error.ts';
import type { SessionCounters } from './session-counters.ts';

export interface OperationsOptions {
  readonly limits: Limits;
  readonly counters: SessionCounters;
  readonly reply: (reply: Reply) => void;
  /** Is told of faults of the gateway that came after the success was acknowledged. */
  readonly onError: (error: unknown) => void;
}

/**
 * Acknowledges the success at once, with what came of it. Only the first call does; without one
 * the operation is acknowledged when its promise resolves.
 */
export type Succeed = (outcome?: AckOutcome) => void;

export class Operations {
  readonly #options: OperationsOptions;
  /** Made for the first operation with an ackId. */
  #acks: AckLedger | undefined;
  /** Operations without an ackId that are running. */
  #silentRunning = 0;

  /** @param history of the same connection on another node. */
  constructor(options: OperationsOptions, history?: AckHistory) {
    this.#options = options;
    const { ackHistoryMax, pendingAcksMax } = options.limits;
    if (history !== undefined) this.#acks = new AckLedger(ackHistoryMax, pendingAcksMax, history);
  }

  /** True: nothing runs. */
  get isIdle(): boolean {
    return this.#silentRunning === 0 && (this.#acks?.running ?? 0) === 0;
  }

  history(): AckHistory | undefined {
    return this.#acks?.history();
  }

  /** Executes an operation once per ackId, and answers when the client asked for an answer. */
  perform(ackId: ClientId64 | undefined, operation: (succeed: Succeed) => Promise<void>): void {
    if (ackId === undefined ? !this.#beginSilently() : !this.#begin(ackId)) return;
    let isFinished = false;
    const finish = (error: ReplyError | undefined, outcome: AckOutcome | undefined): void => {
      if (!isFinished) this.#finish(ackId, error, outcome);
      isFinished = true;
    };
    const succeed: Succeed = (outcome) => finish(undefined, outcome);
    operation(succeed).then(
      () => succeed(),
      (error: unknown) => {
        if (isFinished) this.#failedLate(error);
        finish(replyErrorOf(error), undefined);
      },
    );
  }

  /**
   * Like `perform`, for what only reads: the operation itself sends its answer instead of an ack,
   * and may be asked for again with the same ackId.
   */
  read(ackId: ClientId64, operation: () => Promise<void>): void {
    if (!this.#begin(ackId)) return;
    operation().then(
      // Repeats that came meanwhile have their answer in this one.
      () => this.#acks?.end(ackId, false),
      (error: unknown) => this.#finish(ackId, replyErrorOf(error), undefined),
    );
  }

  /** False: too many run already. Nobody is told, but it is counted. */
  #beginSilently(): boolean {
    const { counters, limits } = this.#options;
    const isRefused = this.#silentRunning >= limits.pendingAcksMax;
    if (isRefused) counters.silentFailures += 1;
    else this.#silentRunning += 1;
    return !isRefused;
  }

  /** False: the operation is not to be executed; what there is to say was said. */
  #begin(ackId: ClientId64): boolean {
    const { ackHistoryMax, pendingAcksMax } = this.#options.limits;
    this.#acks ??= new AckLedger(ackHistoryMax, pendingAcksMax);
    const verdict = this.#acks.begin(ackId);
    if (verdict === 'duplicate') this.#ack(ackId, duplicateError(ackId));
    if (verdict === 'full') {
      this.#ack(ackId, {
        name: 'InternalServerError',
        message: `${pendingAcksMax} operations of this connection are waiting, the most that pendingAcksMax allows; wait for their acks`,
      });
    }
    return verdict === 'new';
  }

  #finish(
    ackId: ClientId64 | undefined,
    error: ReplyError | undefined,
    outcome: AckOutcome | undefined,
  ): void {
    if (ackId === undefined) {
      this.#silentRunning -= 1;
      if (error !== undefined) this.#options.counters.silentFailures += 1;
      return;
    }
    const repeats = this.#acks?.end(ackId, error === undefined) ?? 0;
    this.#ack(ackId, error, outcome);
    for (let index = 0; index < repeats; index += 1) {
      this.#ack(ackId, error ?? duplicateError(ackId));
    }
  }

  #failedLate(error: unknown): void {
    if (isInternal(error)) this.#options.onError(error);
    else this.#options.counters.silentFailures += 1;
  }

  #ack(ackId: ClientId64, error: ReplyError | undefined, outcome?: AckOutcome): void {
    const { counters, reply } = this.#options;
    if (error === undefined) counters.acksSucceeded += 1;
    else if (error.name === 'Duplicate') counters.acksDuplicate += 1;
    else counters.acksFailed += 1;
    reply({ kind: 'ack', ackId, error, outcome });
  }
}

function duplicateError(ackId: ClientId64): ReplyError {
  return { name: 'Duplicate', message: `Message with ack-id: ${ackId} has been processed` };
}
