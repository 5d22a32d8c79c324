import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { allScopes } from '../../../../test/slack/fake.ts';

const manifest = JSON.parse(readFileSync(new URL('manifest.json', import.meta.url), 'utf8'));

test('the manifest asks for the scopes that its events and our calls need, and for no others', () => {
  expect(manifest.oauth_config.scopes.bot).toEqual(allScopes);
  expect(manifest.settings.event_subscriptions.bot_events).toEqual([
    'app_mention',
    'message.channels',
    'message.groups',
    'message.im',
    'message.mpim',
    'reaction_added',
    'reaction_removed',
  ]);
});

test('the manifest keeps to Slack’s limits', () => {
  const { name, description, long_description } = manifest.display_information;
  expect(name.length).toBeLessThanOrEqual(35);
  expect(description.length).toBeLessThanOrEqual(140);
  expect(long_description.length).toBeGreaterThanOrEqual(174);
  expect(long_description.length).toBeLessThanOrEqual(4000);
});
