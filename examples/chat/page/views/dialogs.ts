/** The dialogs: rooms to join, friends to add, a notification to send. */
import { severities } from '../../shared/schema.ts';
import type { Chat } from '../chat.ts';
import { h, icon, type Attributes, type Child } from '../dom.ts';
import type { Ui } from '../ui.ts';
import { icons } from './icons.ts';
import { avatar, iconButton } from './parts.ts';

export function dialog(chat: Chat, { dialog: name }: Ui): HTMLElement | undefined {
  switch (name) {
    case 'rooms':
      return frame('Rooms', roomList(chat));
    case 'people':
      return frame('Add a friend', peopleList(chat));
    case 'notify':
      return frame('Send a notification', notifyForm(chat));
    case undefined:
      return undefined;
  }
}

function frame(title: string, ...content: Child[]): HTMLElement {
  return h(
    'dialog',
    { class: 'dialog', 'data-key': `dialog-${title}`, 'aria-labelledby': 'dialog-title' },
    h(
      'header',
      {},
      h('h2', { id: 'dialog-title' }, title),
      iconButton('Close', 'close', { 'data-action': 'close-dialog' }),
    ),
    ...content,
  );
}

function roomList(chat: Chat): HTMLElement {
  const rows = chat.state.rooms.map(({ conversation, isPrivate, members, name, purpose }) => {
    const isIn = members.includes(chat.me.id);
    return h(
      'li',
      { 'data-key': conversation },
      h('span', { class: 'room-mark' }, icon(isPrivate ? icons.lock : icons.hash)),
      h(
        'span',
        { class: 'who' },
        h('span', { class: 'name' }, name),
        h('span', { class: 'subtle' }, purpose),
      ),
      isIn
        ? h('span', { class: 'subtle' }, 'Joined')
        : action(`Join`, {
            'aria-label': `Join ${name}`,
            'data-action': 'join-room',
            'data-conversation': conversation,
          }),
    );
  });
  return h('ul', { class: 'list', role: 'list' }, ...rows);
}

function peopleList(chat: Chat): HTMLElement {
  const strangers = chat.state.people.filter(({ id }) => !chat.state.friends.includes(id));
  if (strangers.length === 0) return h('p', { class: 'hint' }, 'You know everybody already.');
  const rows = strangers.map((person) =>
    h(
      'li',
      { 'data-key': person.id },
      avatar(person, chat.isOnline(person.id)),
      h(
        'span',
        { class: 'who' },
        h('span', { class: 'name' }, person.name),
        h('span', { class: 'subtle' }, person.title),
      ),
      action('Add', {
        'aria-label': `Add ${person.name}`,
        'data-action': 'befriend',
        'data-person': person.id,
      }),
    ),
  );
  return h('ul', { class: 'list', role: 'list' }, ...rows);
}

function action(words: string, attributes: Readonly<Record<string, string>>): HTMLElement {
  return h('button', { type: 'button', class: 'button', ...attributes }, words);
}

function notifyForm(chat: Chat): HTMLElement {
  const topics = chat.state.topics.map(({ id, name }) =>
    h('option', { value: id }, `${name}: subscribers`),
  );
  return h(
    'form',
    { class: 'form', 'data-action': 'notify' },
    field('To', 'select', { name: 'topic' }, [
      ...topics,
      chat.isAdmin && h('option', { value: '' }, 'Everybody'),
    ]),
    h(
      'fieldset',
      {},
      h('legend', {}, 'Severity'),
      ...severities.map((severity) =>
        h(
          'label',
          { class: `severity-choice is-${severity}` },
          h('input', {
            type: 'radio',
            name: 'severity',
            value: severity,
            checked: severity === 'info',
          }),
          icon(icons[severity]),
          severity,
        ),
      ),
    ),
    field('Title', 'input', { name: 'title', required: true, maxlength: 120, autocomplete: 'off' }),
    field('Text', 'textarea', { name: 'body', rows: 3, maxlength: 1000 }),
    h('button', { type: 'submit', class: 'button is-primary' }, 'Send'),
  );
}

function field(
  label: string,
  tag: 'input' | 'textarea' | 'select',
  attributes: Attributes & { readonly name: string },
  options: readonly Child[] = [],
): HTMLElement {
  const id = `field-${attributes.name}`;
  return h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    h(tag, { ...attributes, id }, ...options),
  );
}
