/** The commands of our own subprotocols, from the fields of a frame: Azure's and those of streams. */
import type { DecodeLimits } from './codec.ts';
import { readState } from './client-state.ts';
import type { FrameField, FrameReader } from './frame-fields.ts';
import { refused } from './frame-fields.ts';
import { commonNames, FrameVerbs } from './frame-verbs.ts';
import type {
  ClientId64,
  Command,
  JoinGroup,
  OwnDestination,
  ReadHistory,
  StreamPosition,
} from './model.ts';
import type { PresenceDestination } from './presence-model.ts';
import { shown } from './shown.ts';
import type { Verbs } from './verb-table.ts';

/** Commands of one frame. */
export const frameCommandsMax = 1000;

/** Messages of one history reply, where the client does not say. */
const historyLimitDefault = 100;
const epochBytesMax = 255;
const tagMax = 2 ** 32 - 1;
const offsetMax = Number.MAX_SAFE_INTEGER;

/** The properties that the commands of this file have. */
export const trunklineNames = [
  ...commonNames,
  'id',
  'to',
  'since',
  'after',
  'before',
  'limit',
  'reverse',
  'token',
  'state',
] as const;

export type TrunklineName = (typeof trunklineNames)[number];

/** Reads the frame that its `FrameReader` has read last. */
export class TrunklineVerbs {
  readonly #frame: FrameReader<TrunklineName>;
  readonly #common: FrameVerbs;
  /** By `type`. Each throws ProtocolError. */
  readonly table: Verbs;

  constructor(frame: FrameReader<TrunklineName>, limits: DecodeLimits) {
    this.#frame = frame;
    this.#common = new FrameVerbs(frame, limits);
    this.table = {
      ...this.#common.table,
      sendToGroup: () => this.#sendToGroup(),
      joinGroup: () => this.#joinGroup(),
      resume: () => this.#resume(),
      history: () => this.#history(),
      refreshToken: () => this.#refreshToken(),
      watchPresence: () => this.#watch('watchPresence'),
      unwatchPresence: () => this.#watch('unwatchPresence'),
      setState: () => this.#setState(),
    };
  }

  #sendToGroup(): Command {
    const { fields } = this.#frame;
    const { id: field } = fields.field;
    const command = this.#common.sendToGroup();
    if (!fields.isPresent(field)) return command;
    if (command.kind === 'streamStart') {
      throw refused('"id" cannot stand beside "stream"; fragments have their streamSequenceId');
    }
    return { ...command, id: fields.text(field) };
  }

  #joinGroup(): JoinGroup {
    const command = this.#common.joinGroup();
    const { field } = this.#frame.fields;
    const since = this.#position(field.since);
    const state = readState(this.#frame.fields, field.state);
    if (since === undefined && state === undefined) return command;
    return { ...command, since, state };
  }

  #watch(kind: 'watchPresence' | 'unwatchPresence'): Command {
    return { kind, to: this.#watched(), ackId: this.#common.ackId() };
  }

  #watched(): PresenceDestination {
    const to = this.#destination();
    if (to.kind === 'group') return to;
    if (to.kind === 'all') return { kind: 'all' };
    throw refused('"to" must be "all" here, got "user"; watch a group or everybody in the hub');
  }

  #setState(): Command {
    const { field } = this.#frame.fields;
    const state = readState(this.#frame.fields, field.state);
    return { kind: 'setState', group: this.#common.group(), state, ackId: this.#common.ackId() };
  }

  #resume(): Command {
    const to = this.#ownTo();
    const since = this.#position(this.#frame.fields.field.since);
    if (since === undefined) throw refused('"since" is missing; it must be a position');
    return { kind: 'resume', to, since, ackId: this.#common.ackId() };
  }

  #history(): ReadHistory {
    const { fields } = this.#frame;
    const { field } = fields;
    const after = this.#position(field.after);
    const reverse = fields.optionalBoolean(field.reverse);
    if (reverse && after !== undefined) {
      throw refused('"after" cannot stand beside "reverse"; use "before" to go back');
    }
    return {
      kind: 'history',
      to: this.#destination(),
      after,
      before: fields.optionalInteger(field.before, 0, offsetMax),
      limit: fields.optionalInteger(field.limit, 1, offsetMax) ?? historyLimitDefault,
      reverse,
      ackId: this.#requiredAckId(),
    };
  }

  #refreshToken(): Command {
    const { fields } = this.#frame;
    const token = fields.text(fields.field.token).toWellFormed();
    return { kind: 'refreshToken', token, ackId: this.#common.ackId() };
  }

  #requiredAckId(): ClientId64 {
    const ackId = this.#common.ackId();
    if (ackId === undefined) throw refused('"ackId" is missing; the answer must carry it');
    return ackId;
  }

  #destination(): OwnDestination {
    const { fields } = this.#frame;
    const hasGroup = fields.isPresent(fields.field.group);
    if (hasGroup === fields.isPresent(fields.field.to)) {
      throw refused('"group" or "to" must name the destination; send exactly one of them');
    }
    return hasGroup ? { kind: 'group', name: this.#common.group() } : { kind: this.#ownTo() };
  }

  #ownTo(): 'user' | 'all' {
    const { fields } = this.#frame;
    const to = fields.text(fields.field.to);
    if (to === 'user' || to === 'all') return to;
    throw refused(`"to" must be "user" or "all", got ${shown(to)}`);
  }

  #position(field: FrameField): StreamPosition | undefined {
    const position = this.#frame.position(field);
    if (position === undefined) return undefined;
    const { epoch: epochField, offset: offsetField, tag: tagField } = position.field;
    const epoch = position.text(epochField);
    const offset = position.optionalInteger(offsetField, 0, offsetMax);
    const tag = position.optionalInteger(tagField, 0, tagMax);
    if (Buffer.byteLength(epoch) > epochBytesMax || !epoch.isWellFormed()) {
      throw refused(`"epoch" of "${field.name}" is none of ours; send positions as they came`);
    }
    if (offset !== undefined && tag !== undefined) return { epoch, offset, tag };
    throw refused(`"${field.name}" must have epoch, offset and tag; send positions as they came`);
  }
}
