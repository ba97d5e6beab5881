/** The open conversation: its messages, who writes, and where one writes. */
import { peopleOf } from '../../shared/schema.ts';
import type { Chat } from '../chat.ts';
import type { Conversation } from '../conversation.ts';
import { h, icon, lazy, type Child } from '../dom.ts';
import { receiptOf, type Receipt } from '../model/receipts.ts';
import type { Entry } from '../model/timeline.ts';
import type { Ui } from '../ui.ts';
import { icons } from './icons.ts';
import { avatar, dayOf, iconButton, isSameDay, namesOf, timeOf } from './parts.ts';

/** Messages of one person within this time stand together. */
const runMs = 5 * 60_000;

export function thread(chat: Chat, ui: Ui): HTMLElement {
  const conversation = ui.open === undefined ? undefined : chat.conversation(ui.open);
  if (conversation === undefined) return nothingOpen();
  const { name } = conversation;
  return h(
    'main',
    { class: 'thread', 'data-key': 'thread', id: 'thread', tabindex: '-1' },
    header(chat, name),
    log(chat, ui, conversation),
    typingLine(chat, conversation),
    composer(chat, name),
  );
}

function nothingOpen(): HTMLElement {
  return h(
    'main',
    { class: 'thread is-empty', 'data-key': 'thread', id: 'thread', tabindex: '-1' },
    h('span', { class: 'brand-mark' }, icon(icons.anchor)),
    h('h1', {}, 'Choose a conversation'),
    h('p', { class: 'subtle' }, 'Rooms are for everybody in them, friends are for two.'),
  );
}

function header(chat: Chat, name: string): HTMLElement {
  const others = chat.othersIn(name);
  const room = chat.room(name);
  const [friend] = others;
  const isDirect = peopleOf(name) !== undefined;
  const online = others.filter(({ id }) => chat.isOnline(id)).length;
  const presence = isDirect
    ? `${friend?.title ?? ''} · ${online > 0 ? 'online' : 'offline'}`
    : `${room?.purpose ?? ''} · ${others.length + 1} people, ${online + 1} online`;
  return h(
    'header',
    { class: 'thread-header' },
    iconButton('Back to the conversations', 'back', {
      'data-action': 'back',
      class: 'icon-button back',
    }),
    isDirect && friend !== undefined
      ? avatar(friend, chat.isOnline(friend.id))
      : h('span', { class: 'room-mark' }, icon(room?.isPrivate === true ? icons.lock : icons.hash)),
    h(
      'div',
      { class: 'who' },
      h('h1', {}, chat.titleOf(name)),
      h('p', { class: 'subtle presence' }, presence),
    ),
    room !== undefined &&
      !room.isPrivate &&
      h(
        'button',
        { type: 'button', class: 'button', 'data-action': 'leave-room', 'data-conversation': name },
        'Leave',
        h('span', { class: 'unseen' }, ' this room'),
      ),
  );
}

function log(chat: Chat, ui: Ui, conversation: Conversation): HTMLElement {
  const { entries, hasOlder } = conversation.timeline;
  const items: Child[] = [];
  const lastOwn = entries.findLast(({ from }) => from === chat.me.id);
  let before: Entry | undefined;
  for (const entry of entries) {
    if (before === undefined || !isSameDay(before.timeMs, entry.timeMs)) {
      const words = dayOf(entry.timeMs);
      items.push(h('li', { class: 'divider', 'data-key': `day-${words}` }, h('span', {}, words)));
    }
    if (entry.key === ui.firstUnread) {
      items.push(h('li', { class: 'divider is-new', 'data-key': 'new' }, h('span', {}, 'New')));
      before = undefined;
    }
    const isRun = before?.from === entry.from && entry.timeMs - before.timeMs < runMs;
    items.push(message({ chat, conversation, entry, isRun, isLastOwn: entry === lastOwn }));
    before = entry;
  }
  return h(
    'div',
    {
      class: 'log',
      'data-key': `log-${conversation.name}`,
      role: 'region',
      'aria-label': 'Messages',
      tabindex: '0',
    },
    hasOlder && older(conversation),
    !conversation.isLoaded && h('p', { class: 'hint', role: 'status' }, 'Loading messages …'),
    conversation.isLoaded &&
      entries.length === 0 &&
      h('p', { class: 'hint' }, 'Nothing was said here yet.'),
    h('ol', { class: 'messages', role: 'list' }, ...items),
  );
}

function older(conversation: Conversation): HTMLElement {
  const words = conversation.isLoadingOlder ? 'Loading …' : 'Load earlier messages';
  return h(
    'button',
    { type: 'button', class: 'older', 'data-action': 'load-older', 'data-key': 'older' },
    words,
  );
}

interface MessageParts {
  readonly chat: Chat;
  readonly conversation: Conversation;
  readonly entry: Entry;
  /** It follows one of the same person. */
  readonly isRun: boolean;
  /** Only here the receipt has words. */
  readonly isLastOwn: boolean;
}

/** Made again only when something in it has changed: there are many, and most never change. */
function message(parts: MessageParts): Element {
  const { conversation, entry, isRun, isLastOwn } = parts;
  const received = receiptOf(entry, conversation.marks);
  const version = [entry.status, isRun, isLastOwn, received.kind, ...received.people].join(' ');
  return lazy('li', entry.key, version, () => messageView(parts, received));
}

function messageView(
  { chat, entry, isRun, isLastOwn }: MessageParts,
  received: Receipt,
): HTMLElement {
  const author = chat.person(entry.from);
  const isMine = entry.from === chat.me.id;
  const classes = ['message', isMine ? 'is-mine' : 'is-theirs', isRun ? 'is-run' : 'is-first'];
  return h(
    'li',
    { class: classes.join(' '), 'data-status': entry.status },
    !isMine && (isRun ? h('span', { class: 'avatar-space' }) : avatar(author)),
    h(
      'div',
      { class: 'bubble' },
      h('p', { class: isMine || isRun ? 'author unseen' : 'author' }, isMine ? 'You' : author.name),
      h('p', { class: 'text' }, entry.text),
      h('p', { class: 'meta' }, timeOf(entry.timeMs), isMine && receipt(chat, received, isLastOwn)),
      entry.status === 'failed' && retry(entry),
    ),
  );
}

function receipt(chat: Chat, { kind, people }: Receipt, hasWords: boolean): HTMLElement {
  const names = namesOf(people.map((id) => chat.person(id)));
  const words = {
    sending: 'Sending',
    failed: 'Not sent',
    sent: 'Sent',
    delivered: `Delivered to ${names}`,
    read: `Read by ${names}`,
  }[kind];
  const shapes = {
    sending: icons.clock,
    failed: icons.error,
    sent: icons.check,
    delivered: icons.checks,
    read: icons.checks,
  };
  return h(
    'span',
    { class: `receipt is-${kind}`, role: 'img', 'aria-label': words, title: words },
    icon(shapes[kind]),
    hasWords && h('span', { 'aria-hidden': 'true' }, words),
  );
}

function retry({ key, text }: Entry): HTMLElement {
  return h(
    'button',
    {
      type: 'button',
      class: 'link',
      'data-action': 'retry',
      'data-message': key,
      'data-text': text,
    },
    'Try again',
  );
}

function typingLine(chat: Chat, { typing }: Conversation): HTMLElement {
  const { writers } = typing;
  const names = namesOf(writers.map((id) => chat.person(id)));
  const words = writers.length === 0 ? '' : `${names} ${writers.length > 1 ? 'are' : 'is'} typing`;
  return h(
    'p',
    { class: `typing${words === '' ? '' : ' is-on'}`, role: 'status' },
    words,
    words !== '' && h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')),
  );
}

function composer(chat: Chat, name: string): HTMLElement {
  const label = `Message to ${chat.titleOf(name)}`;
  return h(
    'form',
    { class: 'composer', 'data-action': 'send', 'data-key': `composer-${name}` },
    h('textarea', {
      name: 'text',
      rows: 1,
      maxlength: 4000,
      'aria-label': label,
      placeholder: label,
      'data-conversation': name,
      'data-key': `text-${name}`,
      autocomplete: 'off',
      enterkeyhint: 'send',
    }),
    iconButton('Send', 'send', { type: 'submit', class: 'icon-button is-primary' }),
  );
}
