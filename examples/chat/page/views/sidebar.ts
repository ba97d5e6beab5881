/** The conversations of the user: rooms, and friends with their presence. */
import { directConversation, peopleOf } from '../../shared/schema.ts';
import type { Chat } from '../chat.ts';
import { h, icon, type Child } from '../dom.ts';
import type { Ui } from '../ui.ts';
import { icons } from './icons.ts';
import { avatar, badge, firstName, iconButton, namesOf } from './parts.ts';

export function sidebar(chat: Chat, ui: Ui): HTMLElement {
  const rooms = chat.rooms.map(({ conversation, isPrivate, name }) =>
    row(chat, ui, {
      name: conversation,
      title: name,
      mark: h('span', { class: 'room-mark' }, icon(isPrivate ? icons.lock : icons.hash)),
    }),
  );
  const friends = chat.friends.map((friend) =>
    row(chat, ui, {
      name: directConversation(chat.me.id, friend.id),
      title: friend.name,
      mark: avatar(friend, chat.isOnline(friend.id)),
    }),
  );
  return h(
    'nav',
    { class: 'sidebar', 'aria-label': 'Conversations', 'data-key': 'sidebar' },
    section('Rooms', 'Browse rooms', 'rooms', rooms),
    section('Friends', 'Add a friend', 'people', friends),
  );
}

function section(
  title: string,
  more: string,
  dialog: string,
  rows: readonly HTMLElement[],
): HTMLElement {
  const id = `section-${dialog}`;
  return h(
    'section',
    { 'aria-labelledby': id },
    h(
      'header',
      {},
      h('h2', { id }, title),
      iconButton(more, 'plus', { 'data-action': 'open-dialog', 'data-dialog': dialog }),
    ),
    h('ul', { class: 'rows', role: 'list' }, ...rows),
  );
}

interface Row {
  readonly name: string;
  readonly title: string;
  readonly mark: Child;
}

function row(chat: Chat, ui: Ui, { mark, name, title }: Row): HTMLElement {
  const conversation = chat.conversation(name);
  const last = conversation?.timeline.entries.at(-1);
  const isOpen = ui.open === name;
  const unread = conversation?.unread ?? 0;
  const isDirect = peopleOf(name) !== undefined;
  const author =
    last === undefined || isDirect ? '' : `${firstName(chat.person(last.from).name)}: `;
  const sender = last?.from === chat.me.id ? 'You: ' : author;
  const writers = (conversation?.typing.writers ?? []).map((id) => chat.person(id));
  const preview =
    writers.length > 0
      ? h('span', { class: 'preview is-typing' }, `${namesOf(writers)} writing …`)
      : h('span', { class: 'preview' }, last === undefined ? '' : sender + last.text);
  return h(
    'li',
    { 'data-key': name },
    h(
      'button',
      {
        type: 'button',
        class: `row${unread > 0 ? ' has-unread' : ''}`,
        'data-action': 'open',
        'data-conversation': name,
        'aria-current': isOpen && 'true',
      },
      mark,
      h('span', { class: 'who' }, h('span', { class: 'name' }, title), preview),
      badge(unread, conversation?.hasMoreUnread),
    ),
  );
}
