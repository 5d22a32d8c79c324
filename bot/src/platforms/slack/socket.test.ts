import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RecordedInbound, recordInbound } from '../../../../test/platform-contract.ts';
import type { FakeSlack } from '../../../../test/slack/fake.ts';
import { context, makeWorld, type World } from '../../../../test/slack/world.ts';
import type { Platform } from '../../platform.ts';
import { platform as slackModule } from './index.ts';
import { createSlack } from './slack.ts';

describe('Slack over Socket Mode', () => {
  let world: World;
  let slack: FakeSlack;
  let platform: Platform;
  let inbound: RecordedInbound;

  beforeEach(async () => {
    world = await makeWorld('socket');
    slack = world.slack;
    inbound = recordInbound();
    platform = world.create();
  });
  afterEach(async () => {
    inbound.release();
    await platform.stop();
    await world.close();
  });

  test('says where it is connected', async () => {
    await platform.start(inbound);
    expect(inbound.connections).toEqual([{ connected: true, reason: '@troupe in Acme, Socket Mode' }]);
  });

  test('reconnects after a dropped connection and gets what it had not acknowledged', async () => {
    await platform.start(inbound);
    inbound.hold();
    const before = slack.dm('U0ALICE', 'before the drop');
    await inbound.nextMessage();
    slack.dropConnections();
    const during = slack.dm('U0ALICE', 'during the drop');
    await inbound.nextConnection(false);
    inbound.release();
    await inbound.nextConnection(true);
    await Promise.all([before.acknowledged, during.acknowledged]);
    expect(inbound.messages.map(({ text }) => text)).toEqual(['before the drop', 'during the drop']);
    expect(slack.connections()).toBe(2);
  });

  test('takes a new connection when Slack asks for it', async () => {
    await platform.start(inbound);
    slack.refreshConnections();
    await inbound.nextConnection(false);
    await inbound.nextConnection(true);
    await slack.dm('U0ALICE', 'still there?').acknowledged;
    expect(inbound.messages).toHaveLength(1);
  });

  test('survives a token that is refused on the way, and says which', async () => {
    await platform.start(inbound);
    slack.failNext('apps.connections.open', { error: 'invalid_auth' }, { times: 2 });
    slack.failNext('apps.connections.open', { status: 503 });
    slack.failNext('apps.connections.open', 'lose call');
    slack.dropConnections();
    await inbound.nextConnection(true);
    await inbound.nextConnection(true);
    expect(inbound.connections.map(({ connected }) => connected)).toEqual([true, false, false, false, false, false, true]);
    expect(inbound.connections[2]?.reason).toMatch(/SLACK_APP_TOKEN was refused \(invalid_auth\)/);
    // The pauses grow.
    expect(world.waits).toEqual([...world.waits].sort((a, b) => a - b));
    expect(new Set(world.waits).size).toBeGreaterThan(3);
  });

  test('names the app token when that is the wrong one', async () => {
    const refused = world.create({ appToken: 'xapp-wrong' });
    await expect(refused.start(inbound)).rejects.toMatchObject({ code: 'slack-token-refused', retryable: false });
    await expect(world.create({ appToken: 'xapp-wrong' }).start(inbound)).rejects.toThrow(/SLACK_APP_TOKEN/);
    await refused.stop();
  });

  test('reaches Slack through the operator’s proxy', async () => {
    const asked: string[] = [];
    const proxy = createServer().on('connect', (request, socket) => {
      asked.push(request.url ?? '');
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    const settings = slackModule.settings.parse({
      SLACK_BOT_TOKEN: 'xoxb',
      SLACK_APP_TOKEN: 'xapp',
      SLACK_API_URL: 'https://slack.invalid/api/',
      HTTPS_PROXY: `http://127.0.0.1:${port}`,
    });
    await expect(createSlack(settings!, context).start(inbound)).rejects.toMatchObject({ code: 'slack-unreachable', retryable: true });
    expect(asked).toEqual(['slack.invalid:443']);
    proxy.close();
  });

  test('says that trying again can help when Slack is away at the start', async () => {
    slack.failNext('auth.test', { status: 503 });
    await expect(platform.start(inbound)).rejects.toMatchObject({ name: 'TroupeError', retryable: true });
    await platform.start(inbound);
    expect(inbound.connections).toHaveLength(1);
  });

  test('outlives what it does not understand', async () => {
    await platform.start(inbound);
    slack.sendRaw('not json');
    slack.sendRaw(JSON.stringify({ type: 'events_api', envelope_id: 'e1', payload: { type: 'app_rate_limited', team_id: 'T0ACME' } }));
    slack.sendRaw(JSON.stringify({ type: 'slash_commands', envelope_id: 'e2', payload: { command: '/x' } }));
    await slack.emit({ type: 'message', subtype: 'message_deleted', channel: 'C0GENERAL', deleted_ts: '1.1', ts: '1.2' }).acknowledged;
    await slack.dm('U0ALICE', 'fine?').acknowledged;
    expect(inbound.messages.map(({ text }) => text)).toEqual(['fine?']);
  });
});
