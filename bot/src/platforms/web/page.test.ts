// The page in a real browser.
import { expect } from 'vitest';
import { CAST, createFakeCore } from '../../../../test/web/fake-core.ts';
import { eventually, faint, focused, lightness, pick, replies, say, test, visit } from '../../../../test/web/visit.ts';
import type { TurnUpdate } from '../../platform.ts';

test('it loads from its own address only, within its policy', async () => {
  const { page, base, complaints } = await visit();
  const elsewhere: string[] = [];
  page.on('request', (request) => request.url().startsWith(base) || elsewhere.push(request.url()));
  await page.reload();
  await page.locator('.card').first().waitFor();
  expect(await page.locator('.card-name').allTextContents()).toEqual(CAST.map((c) => c.name));
  expect(await page.locator('.card-line').allTextContents()).toEqual(CAST.map((c) => c.description));
  expect(await page.locator('.card-input:checked').inputValue()).toBe('vivienne');
  expect(await page.locator('#about').textContent()).toMatch(/This is a bot.*kept/);
  expect([elsewhere, complaints]).toEqual([[], []]);
});

test('a message brings what was heard, a streamed reply, and what is behind it', async () => {
  const { page, core, complaints } = await visit();
  core.onMessage = (event) => {
    const { emotion, emotions, detected, sentiment, intent } = core.answerTo(event);
    core.publish(event.address.channel, event.id, { type: 'read', emotion, emotions, detected, sentiment, intent });
    for (const text of ['Nervous ', 'means ']) core.publish(event.address.channel, event.id, { type: 'delta', text });
  };
  await pick(page, 'june');
  await say(page, 'I have an interview tomorrow');
  await page.locator('.pending .fresh').nth(1).waitFor();
  expect(await page.locator('.line').textContent()).toBe('Nervous means ');
  expect(await page.locator('#backstage').textContent()).toContain('nervousness87%');
  const said = core.messages[0]!;
  core.publish(said.address.channel, said.id, {
    type: 'reply',
    answer: { ...core.answerTo(said), mood: { ...core.answerTo(said).mood, turns: 1 } },
  });
  await replies(page).waitFor();
  const text = 'Nervous means you packed for it. What time, and do you have a pen.';
  expect(await page.locator('.line').textContent()).toBe(text);
  expect(await page.locator('.heard').textContent()).toBe('heard nervousness 87%');
  expect(await page.locator('#announce').textContent()).toBe(`June: ${text}`);
  expect(core.messages[0]).toMatchObject({
    text: 'I have an interview tomorrow',
    character: 'june',
    person: { id: expect.stringMatching(/^user:page-/) },
  });
  const backstage = await page.locator('#backstage').textContent();
  for (const words of [
    '87%',
    'negative',
    'just talking',
    'by the model',
    'strong, after 1 turn',
    '4 lines considered',
    'June said this:',
    'nervous-before-something',
    '24 ms',
    'ranker',
  ])
    expect(backstage).toContain(words);
  expect(await page.locator('.meter').count()).toBe(28);
  expect(complaints).toEqual([]);
});

test('what people and characters write stays text', async () => {
  const attack = '<img src=x onerror="window.hit=1"><script>window.hit=2</script><b>bold</b>';
  const fake = createFakeCore();
  const services = { ...fake.services, characters: () => [{ slug: 'x"><b>', name: `${attack} One`, description: attack, default: true }] };
  const { page, complaints } = await visit({ services, inbound: fake.inbound });
  fake.answerTo = ((answerTo) => (event) => {
    const answer = answerTo(event);
    const reply = { ...answer.reply, text: `${attack} ${attack}`, character: 'x"><b>' };
    const leansOn = { kind: 'fact', it: attack, role: 'user', reply: null, turnsAgo: 1 } as const;
    const candidates = answer.candidates.map((c) => ({ ...c, text: attack, why: attack, source: { ...c.source, id: attack }, leansOn }));
    return { ...answer, reply, candidates, versions: { [attack]: attack }, intent: { ...answer.intent, name: attack } };
  })(fake.answerTo);
  await say(page, attack);
  await replies(page).waitFor();
  expect(await page.locator('.mine-text').textContent()).toBe(attack);
  expect(await page.locator('.line').textContent()).toBe(`${attack} ${attack}`);
  await page.reload();
  await replies(page).waitFor();
  expect(await page.locator('.mine-text').textContent()).toBe(attack);
  expect(await page.evaluate('[window.hit, document.images.length, document.querySelectorAll("#app b, #app script").length]')).toEqual([
    undefined,
    0,
    0,
  ]);
  expect(complaints).toEqual([]);
});

test('the words the bot listens to stand out', async () => {
  const { page, core } = await visit();
  core.answerTo = ((answerTo) => (event) => {
    const answer = answerTo(event);
    return { ...answer, reply: { ...answer.reply, text: 'Write `start`, or `<b>`.' } };
  })(core.answerTo);
  await say(page, 'stop');
  await replies(page).waitFor();
  expect(await page.locator('.line').textContent()).toBe('Write start, or <b>.');
  expect(await page.locator('.line code').allTextContents()).toEqual(['start', '<b>']);
});

test('everything works from the keyboard', async () => {
  const { page, core } = await visit();
  await page.locator('.card').first().waitFor();
  expect(await page.evaluate("document.querySelector('a, button, input, textarea').textContent")).toBe('Skip to the message field');
  await page.locator('.card-input:checked').focus();
  await page.keyboard.press('ArrowRight');
  expect(await page.locator('.card-input:checked').inputValue()).toBe('walt');
  await page.focus('.skip');
  await page.keyboard.press('Enter');
  await page.keyboard.type('I am');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('nervous');
  await page.keyboard.press('Enter');
  await replies(page).waitFor();
  expect(core.messages[0]).toMatchObject({ text: 'I am\nnervous', character: 'walt' });
  expect(await focused(page)).toBe('Your message');
  await page.focus('.thumb >> nth=0');
  await page.keyboard.press('Space');
  await eventually(() => core.votes.map((v) => v.value)).toEqual(['up']);
  await page.keyboard.press('Tab');
  expect(await focused(page)).toBe('Bad reply');
  await page.keyboard.press('Enter');
  await eventually(() => core.votes.map((v) => v.value)).toEqual(['up', 'down']);
  expect(await page.locator('.thumb').evaluateAll((all) => all.map((b) => b.getAttribute('aria-pressed')))).toEqual(['false', 'true']);
  await page.keyboard.press('Enter');
  await eventually(() => core.votes.map((v) => v.value)).toEqual(['up', 'down', null]);
  expect(core.votes.every((v) => v.person.id === core.messages[0]!.person.id)).toBe(true);
});

test('a chat survives a reload with its votes, and several chats stand side by side', async () => {
  const { page } = await visit();
  await say(page, 'I am nervous');
  await replies(page).waitFor();
  await page.click('.thumb >> nth=0');
  await page.click('#new-chat');
  await page.locator('.opening').waitFor();
  await pick(page, 'june');
  await say(page, 'I got the offer');
  await replies(page).waitFor();
  await page.reload();
  await replies(page).waitFor();
  expect(await page.locator('.mine-text').allTextContents()).toEqual(['I got the offer']);
  expect(await page.locator('.who-name').textContent()).toBe('June Okonkwo');
  expect(await page.locator('.chat-title').allTextContents()).toEqual(['I got the offer', 'I am nervous']);
  await page.click('.chat-button >> nth=1');
  await page.locator('.mine-text', { hasText: 'I am nervous' }).waitFor();
  expect(await page.locator('.thumb').first().getAttribute('aria-pressed')).toBe('true');
  expect(await page.locator('.who-name').textContent()).toBe('Vivienne Ashgrove');
});

test('a thumb that could not be stored goes back', async () => {
  const { page, core } = await visit();
  await say(page, 'hello');
  await replies(page).waitFor();
  core.inbound.vote = async () => {
    throw new Error('away');
  };
  await page.route('**/v1/feedback', (route) => route.abort());
  await page.click('.thumb >> nth=0');
  await eventually(() => page.locator('.thumb').first().getAttribute('aria-pressed')).toBe('false');
});

test('the key is asked for once and kept as a session', async () => {
  const { page } = await visit({ apiKey: 'the-key' });
  await page.locator('#key').waitFor();
  expect(await focused(page)).toBe('API key');
  await page.fill('#key', 'wrong');
  await page.keyboard.press('Enter');
  await page.locator('#door-error', { hasText: 'not the key' }).waitFor();
  await page.fill('#key', 'the-key');
  await page.keyboard.press('Enter');
  await page.locator('.card').first().waitFor();
  await say(page, 'hello');
  await replies(page).waitFor();
  await page.reload();
  await replies(page).waitFor();
  expect(await page.evaluate('document.cookie')).toBe('');
  await page.click('#sign-out');
  await page.locator('#key').waitFor();
});

const limited = (retryAfterS: number): TurnUpdate => ({ type: 'limited', retryAfterS });
test('over the limit it waits and sends by itself', async () => {
  const { page, core } = await visit();
  const usual = core.onMessage;
  core.onMessage = (event) => {
    core.onMessage = usual;
    core.publish(event.address.channel, event.id, limited(1));
  };
  await say(page, 'hello');
  await page.locator('.note', { hasText: 'Sent again in' }).waitFor();
  await replies(page).waitFor();
  expect(core.messages.map((m) => m.text)).toEqual(['hello', 'hello']);
  expect(core.messages[0]!.id).not.toBe(core.messages[1]!.id);
  expect(await page.locator('.note').textContent()).toBe('');
});

test('what was not sent is kept and can be tried again as the same message', async () => {
  const { page, core } = await visit();
  let keys: (string | undefined)[] = [];
  await page.route('**/v1/chat', (route) => {
    keys = [...keys, route.request().headers()['idempotency-key']];
    return keys.length === 1 ? route.abort() : route.continue();
  });
  await say(page, 'hello');
  await page.locator('.note', { hasText: 'could not be reached' }).waitFor();
  await page.click('.note-action');
  await replies(page).waitFor();
  expect(keys).toHaveLength(2);
  expect(keys[0]).toBe(keys[1]);
  expect(core.messages.map((m) => m.id)).toEqual([keys[0]]);
  expect(await page.locator('.mine').count()).toBe(1);
});

test('in a silent conversation it offers to wake the bot', async () => {
  const { page, core } = await visit();
  core.onMessage = (event) => {
    core.onMessage = undefined;
    core.publish(event.address.channel, event.id, { type: 'silent', reason: 'stopped' });
  };
  await say(page, 'hello');
  await page.click('.note-action');
  await replies(page).waitFor();
  expect(core.messages.map((m) => m.text)).toEqual(['hello', 'start']);
});

test('a reply that is late appears once it is in the history', async () => {
  const { page, core } = await visit({ timeoutMs: 200 });
  core.onMessage = () => {};
  await say(page, 'hello');
  await page.locator('.note', { hasText: 'takes its time' }).waitFor();
  const said = core.messages[0]!;
  const answer = core.answerTo(said);
  core.services.history = async () => [
    { role: 'user', id: said.id, text: 'hello', atMs: 1 },
    { role: 'character', id: answer.reply.id, text: answer.reply.text, atMs: 2, vote: null, answer },
  ];
  await replies(page).waitFor();
  expect(await page.locator('.note:visible').count()).toBe(0);
});

test('where a rule answered first it claims no feeling', async () => {
  const { page, core } = await visit();
  core.answerTo = ((answerTo) => (event) => ({ ...answerTo(event), sentiment: undefined }))(core.answerTo);
  await say(page, 'help');
  await replies(page).waitFor();
  expect(await page.locator('.heard:visible').count()).toBe(0);
  expect(await page.locator('#backstage').textContent()).toContain('A rule answered before anything was read.');
});

test('messages of a burst that were answered together show one reply', async () => {
  const { page, core } = await visit();
  core.onMessage = () => {
    if (core.messages.length < 3) return;
    const answer = core.answerTo(core.messages[0]!);
    for (const m of core.messages) {
      core.publish(m.address.channel, m.id, {
        type: 'read',
        emotion: answer.emotion,
        emotions: answer.emotions,
        detected: answer.detected,
        sentiment: answer.sentiment,
        intent: answer.intent,
      });
      core.publish(m.address.channel, m.id, { type: 'delta', text: answer.reply.text.slice(0, 9) });
      core.publish(m.address.channel, m.id, { type: 'reply', answer });
    }
  };
  for (const text of ['one', 'two', 'three']) await say(page, text);
  await replies(page).waitFor();
  await eventually(() => page.locator('.heard:visible').count()).toBe(3);
  expect(await page.locator('.theirs').count()).toBe(1);
  expect(await page.locator('.mine-text').allTextContents()).toEqual(['one', 'two', 'three']);
  await eventually(() => page.locator('.said').textContent()).toBe('one\ntwo\nthree');
});

test('after forget me this browser no longer lists its chats', async () => {
  const { page } = await visit();
  await say(page, 'I am nervous');
  await replies(page).waitFor();
  await page.click('#forget');
  expect(await page.inputValue('#message')).toBe('forget me');
  await page.press('#message', 'Enter');
  await eventually(() => replies(page).count()).toBe(2);
  await eventually(() => page.locator('.chat-button').count()).toBe(0);
});

test('it works at 320 px: nothing sticks out, and drawers take and give back the focus', async () => {
  const { page } = await visit({ browser: { viewport: { width: 320, height: 600 }, hasTouch: true } });
  await page.locator('.card').first().waitFor();
  await say(page, `I am nervous ${'x'.repeat(200)}`);
  await replies(page).waitFor();
  for (const [opens, closes, drawer] of [
    ['#rail-open', '#rail-close', '#rail'],
    ['#backstage-toggle', '#backstage .icon-button', '#backstage'],
  ] as const) {
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
    expect(await page.locator(drawer).evaluate((node) => (node as unknown as { inert: boolean }).inert)).toBe(true);
    await page.click(opens);
    await eventually(() => page.locator(closes).evaluate((node) => node.ownerDocument.activeElement === node)).toBe(true);
    expect(await page.locator('.stage').evaluate((node) => (node as unknown as { inert: boolean }).inert)).toBe(true);
    await page.keyboard.press('Escape');
    await eventually(() => page.locator(opens).evaluate((node) => node.ownerDocument.activeElement === node)).toBe(true);
  }
});

test('dark or light can be chosen and stays chosen', async () => {
  const { page } = await visit({ browser: { colorScheme: 'dark' } });
  await page.locator('.card').first().waitFor();
  expect(await lightness(page)).toBeLessThan(60);
  await page.click('#theme');
  await eventually(() => lightness(page)).toBeGreaterThan(200);
  await page.reload();
  await page.locator('.card').first().waitFor();
  expect(await lightness(page)).toBeGreaterThan(200);
});

for (const colorScheme of ['light', 'dark'] as const)
  test(`every text has enough contrast in ${colorScheme}, for every character`, async () => {
    const { page } = await visit({ browser: { colorScheme } });
    await page.locator('.card').first().waitFor();
    for (const { slug } of CAST) {
      await page.click('#new-chat');
      await pick(page, slug);
      expect(await faint(page, ['.card-name', '.card-line', '.starter', '.about', '.cast-button', '.opening-text'])).toEqual([]);
      await say(page, 'I am nervous');
      await replies(page).waitFor();
      await page.click('.thumb >> nth=0');
      const selectors =
        '.speaker .line .mine-text .heard .behind .bar-button .who-line .strongest .meter-name .fact>dt .fact>dd .candidate-text .candidate-why .candidate-why>strong .candidate-source .label .chat-button';
      expect(await faint(page, selectors.split(' '))).toEqual([]);
    }
  });

test('when nobody answers it says so and tries again', async () => {
  const { page, app } = await visit();
  await page.route('**/v1/session', (route) => route.abort());
  await page.reload();
  await page.locator('#trouble-text', { hasText: 'could not be reached' }).waitFor();
  await page.unroute('**/v1/session');
  await page.click('#trouble-retry');
  await page.locator('.card').first().waitFor();
  expect(app.server.listening).toBe(true);
});

test('/docs opens within its policy, offline', async () => {
  const { page, base, complaints } = await visit();
  await page.goto(`${base}/docs`);
  await page.locator('.opblock').nth(12).waitFor();
  expect(await page.locator('.errors-wrapper').count()).toBe(0);
  expect(complaints).toEqual([]);
});
