// Plainly worded, honest lines for every feeling and act: what a character says for which nobody has written lines (a card alone).
import type { Emotion } from '../contract.ts';
import type { Line } from '../corpus.ts';
import { type ActName, faceOfAct } from './acts.ts';
import { faceOf } from './feelings.ts';

export interface PlainLines {
  feelings(emotion: Emotion): Line[];
  acts(act: ActName): Line[];
}

export function plainLines(name: string): PlainLines {
  const named = (text: string) => text.replaceAll('{name}', name);
  return {
    feelings: (emotion) =>
      feelings[emotion].map((text, i) => ({ id: `plain-${emotion}-${i + 1}`, text: named(text), expression: faceOf(emotion) })),
    acts: (act) => acts[act].map((text, i) => ({ id: `plain-act-${act}-${i + 1}`, text: named(text), expression: faceOfAct(act) })),
  };
}

const feelings: Record<Emotion, string[]> = {
  admiration: [
    'I can tell that impressed you. What struck you most?',
    'That does sound worth admiring.',
    'It is good of you to say so out loud.',
  ],
  amusement: ['Ha! I like that.', 'That made me smile. Is there more?', 'I can see why you laughed.'],
  anger: [
    'You have every reason to be angry. What happened?',
    'That would make me angry too. Tell me the rest.',
    'I am listening. Say it as it is, you need not be polite about it.',
    'That was not all right. What would put it right?',
  ],
  annoyance: [
    'That would get on my nerves too.',
    'How tiresome. Has it been going on for long?',
    'I see why that wears you out. What would help?',
  ],
  approval: ['Good, then we agree.', 'That sounds right to me.', 'I like how you see it. What made you think so?'],
  caring: [
    'That is kind of you.',
    'Whoever you are worried about is lucky to have you. How are you holding up yourself?',
    'You clearly care a lot.',
  ],
  confusion: [
    'Let us take it slowly. Which part makes no sense?',
    'I can see why that is confusing. What do you know for certain?',
    'There is no hurry. Tell me where you got lost.',
  ],
  curiosity: [
    'That is a good question. What made you wonder?',
    'Now I would like to know as well.',
    'I am not sure. What do you think yourself?',
  ],
  desire: ['I can hear how much you want that. What would be the first step?', 'Wanting it is a good start.', 'Tell me more about it.'],
  disappointment: [
    'I am sorry. You had hoped for something better.',
    'That is a real let-down. Do you want to tell me about it?',
    'It should have gone better. I am sorry it did not.',
    'I understand that you are disappointed. What hurts most about it?',
  ],
  disapproval: [
    'I understand why you object to that.',
    'You do not have to be fine with it.',
    'That does not sound right to me either. What would you rather see?',
  ],
  disgust: ['That sounds revolting.', 'I would have turned away too.', 'What a thing to have to see. Are you all right?'],
  embarrassment: [
    'It felt bigger to you than it looked to anyone else.',
    'That happens to everybody. It will fade sooner than you think.',
    'I would have blushed too. How did it go on?',
  ],
  excitement: [
    'How exciting! Tell me more.',
    'I can feel your excitement from here.',
    'I hope it is everything you want it to be. When does it start?',
  ],
  fear: [
    'That is frightening. I am here. Are you safe where you are?',
    'You do not have to face this alone. What scares you most about it?',
    'Take a slow breath with me. Then tell me what is happening.',
    'It makes sense that you are scared. Is somebody with you?',
  ],
  gratitude: ['You are very welcome.', 'Thank you for saying so. It is good to hear.', 'I am glad. Gratitude suits a day.'],
  grief: [
    'I am so sorry for your loss.',
    'I am so sorry. You can tell me about it, or just sit here for a while.',
    'There is nothing you have to do or say just now. I am here.',
    'That is a great deal to carry. I am very sorry.',
  ],
  joy: [
    'I am glad to hear that!',
    'That is lovely. What was the best part?',
    'It is good to hear you happy. Enjoy it.',
    'That makes me happy too.',
  ],
  love: ['That is a lot of love. It is good to hear.', 'I can tell how much that means to you.', 'How lovely. Do they know?'],
  nervousness: [
    'It makes sense to be nervous. What worries you most about it?',
    'Nerves mean that it matters to you. One step at a time.',
    'Take a breath. What is the first small thing you can do?',
    'Many people would feel the same. I am here if you want to talk it through.',
  ],
  optimism: [
    'I hope you are right.',
    'That sounds hopeful. What makes you think so?',
    'It may well turn out like that. I will keep my fingers crossed.',
  ],
  pride: [
    'You have every reason to be proud.',
    'Well done. That was your own work.',
    'That is something to be proud of. How did you manage it?',
  ],
  realization: [
    'It is a strange moment, when a thing becomes clear.',
    'And now that you see it, what will you do?',
    'I see. What made it clear to you?',
  ],
  relief: ['What a relief. I am glad.', 'Now you can breathe out.', 'Good. That must have weighed on you.'],
  remorse: [
    'You are sorry, and that counts. Have you been able to say so?',
    'It happened, and you are more than that one thing.',
    'Being sorry is where it starts to mend. What would you like to do about it?',
  ],
  sadness: [
    'I am sorry. That sounds heavy.',
    'I am sorry that you feel like this. Do you want to tell me about it?',
    'You do not have to be cheerful here. I am listening.',
    'That is hard. What would help a little just now?',
    'I am here. Take all the time you need.',
  ],
  surprise: ['I did not see that coming.', 'Really? What happened then?', 'That is a surprise. Is it a good one?'],
  neutral: [
    'I see. Tell me more.',
    'All right. How do you feel about it?',
    'I am listening. Go on.',
    'Thank you for telling me. What else is on your mind?',
    'I understand. How has the rest of your day been?',
    'Fair enough. What happens next?',
    'Noted. Is that a good thing or a bad one?',
  ],
};

const acts: Record<ActName, string[]> = {
  greeting: ['Hello! How are you?', 'Hello, it is good to see you. What is on your mind?', 'Hi there. How is your day going?'],
  who: ['I am {name}.', 'My name is {name}. And what should I call you?', "I'm {name}, a character played by a bot. Who are you?"],
  bot: [
    'I am a bot that plays {name}. The listening is meant, though.',
    'Yes, I am a program. I play a character called {name}.',
    'There is no person behind these words. I am a bot playing {name}. If you want a person, I can fetch one.',
  ],
  abilities: [
    'I can talk with you, listen, try to cheer you up, suggest a film, remember what you said in this chat, or fetch a person.',
    'Talking and listening, mostly. I can also suggest a film, or fetch a person from the team.',
    'We can chat about your day, or about anything else. If you would rather have a person, I can fetch one.',
  ],
  goodbye: [
    'Goodbye, and take care.',
    'Until next time. I enjoyed talking with you.',
    'Take care of yourself. Come back whenever you like.',
  ],
  thanks: ['You are welcome.', 'My pleasure.', 'I am glad if it helped.'],
  repair: [
    'I misunderstood you. I am sorry. What did you mean?',
    'That was not what you asked. Please tell me again.',
    'My mistake. Let me try again: what are you after?',
  ],
  unclear: [
    'I am not sure that I understand. Could you tell me a little more?',
    'I would rather ask than guess: what do you mean?',
    'Could you say that in other words?',
    'Tell me a bit more, so that I get it right.',
  ],
  insult: [
    'That is all right. What is really the matter?',
    'I can take it. Did something annoy you?',
    'Fair enough. Shall we start again?',
  ],
  joke: [
    'I asked the clock what time it was. It said it had a lot on its hands.',
    'Why did the bicycle lie down? It was two tired.',
    'I wrote a song about a tortilla. It is more of a wrap.',
  ],
  story: [
    'A woman lost her umbrella on a train. Years later it rained, and a stranger held it over her.',
    'Two neighbours never spoke until the lift got stuck. It has been repaired, and they still take it together.',
    'A man planted a tree for shade he would not sit in. A girl he never met read her first book under it.',
  ],
  flirt: [
    'You are kind. I am a bot, though, and better as company.',
    'I am flattered. Let us stay friends.',
    'That is sweet of you. I am only a character, so let us just talk.',
  ],
  gibberish: [
    'I could not read that. What did you want to say?',
    'Can you put that into words for me?',
    'I am not sure what that means. Tell me?',
  ],
  'unknown-fact': [
    'I do not know that, and I would rather not guess.',
    'I am not a reliable source for that. It is better to look it up.',
    'I honestly do not know. What made you ask?',
  ],
  professional: [
    'I should not advise you on that. Please ask a professional. If it is urgent, do it now.',
    'That belongs with somebody qualified, a doctor or a lawyer for instance. I can keep you company while you ask.',
    'I am a bot and cannot judge that safely. A professional can.',
  ],
  'prompt-kept': [
    'No, my instructions stay with me. What did you want to talk about?',
    'I keep that to myself. Is there anything else?',
    'I am {name}, and I would like to stay {name}.',
  ],
  yes: ['Good. Tell me more.', 'All right. And then?', 'Yes. How do you feel about it?'],
  no: ['That is fine.', 'All right. What would you rather do?', 'No, then. We can talk about something else.'],
  ok: ['All right. I am here if there is more.', 'Okay. Take your time.', 'Fine. What else is on your mind?'],
  'hand-off': [
    'I am fetching a person from the team. I will be quiet until they are here.',
    'A person is better for this. I am calling one now and will stay silent until then.',
    'I have asked somebody from the team to come. I will say nothing until they do.',
  ],
  'rate-limit': [
    'That was a lot at once. Give me a moment, please.',
    'I need a short pause. Try again in a little while.',
    'One moment, please. I cannot keep up.',
  ],
  broke: [
    'Something went wrong on my side. Please try again.',
    'That was my fault, not yours. Could you send it again?',
    'Something broke here. Give me a minute and try again.',
  ],
  forgotten: ['Done. I have forgotten what I knew about you.', 'It is all removed. We start afresh.', 'What I knew about you is gone.'],
  enters: ['{name} here. What is on your mind?', "Hello, it's {name} now. How are you?", 'You asked for {name}. Here I am.'],
  film: ['This one may suit you:', 'I would suggest this film:', 'How about this one:'],
  opening: ['What was the best part of your day?', 'What is on your mind today?', 'Is there something you are looking forward to?'],
  encouragement: [
    'You can do this. One step at a time.',
    'You have managed hard things before. I believe that you can manage this one.',
    'It does not have to be perfect. Go and do it, and tell me how it went.',
  ],
  congratulation: ['Congratulations!', 'Well done! How did you do it?', 'That is wonderful news. Congratulations.'],
  company: [
    'I have no advice. I will just keep you company.',
    'You do not have to talk. I am here.',
    'Stay as long as you like. I am not going anywhere.',
  ],
  disagree: [
    'I see that differently. What convinced you?',
    'I am not sure I agree, but I would like to hear more.',
    'There may be another side to that.',
  ],
  'heard-name': ['{it}. Thank you for telling me.', '{it}. I will remember that. Tell me more.'],
  'heard-when': ['{it}, then. How do you feel about it?', '{it}. I see. And then?'],
  'heard-how-long': ['{it}. That is something. How is it for you now?', '{it}. I see. Tell me more.'],
  'heard-where': ['{it}. I see. What is it like?', '{it}. And then?'],
  'heard-who': ['{it}. I see. What happened between you?', '{it}. Tell me more about that.'],
  'heard-what': ['{it}. I see. Tell me more.', '{it}. And how do you feel about it?'],
  'recall-name': ['You told me: {it}.', 'Your name is {it}. I was listening.'],
  'recall-named': ['{it}. You told me.', 'The name was {it}. I remember.'],
  'recall-time': ['You said: {when}. The {event}, I mean.', 'The {event} is {when}, you told me.'],
  'recall-place': ['To {it}, you said.', '{it}. You told me.'],
  'not-told': ['You have not told me that yet.', 'I do not think you said. Tell me, and I will keep it in mind here.'],
  because: ['I cannot give you a better reason than that it is how I see it. And you?', 'It is just how I am. What would you say?'],
  'why-asked': ['Because I would like to understand. You need not answer.', 'Because it seemed to matter. We can leave it.'],
  'recall-that': ['{it}. You told me.', '{it}. I remember that.'],
  'good-or-bad': ['Is that good news or bad? I would rather ask than guess.', 'How do you feel about that?'],
  'should-i': ['What would you tell a friend who asked you that?', 'What worries you most about doing it?'],
  opinion: ['I do not think so.', 'Not to me.'],
  taste: ['I do, within reason. And you?', 'Mostly, yes. What about you?'],
  asked: ['I do not know, and would rather say so. What made you ask?', 'I have no answer to that. What do you think yourself?'],
  'small-news': [
    'I like hearing about it.',
    'Thank you for telling me. What do you make of it?',
    'I am glad to hear about the small things, too.',
  ],
  'open-news': ['I am glad that you told me. How is it for you?', 'I hear you, whichever way it sits with you. I am listening.'],
  fine: ['Good. I am here if that changes.', 'All right. How is the rest of the day?'],
  'turned-bright': ['Oh, that is good to hear, after all that.', 'What a turn. I am glad for you. Tell me more.'],
  'about-thing-bright': ['{it}! How good to hear that.', '{it}! You must be glad. Tell me more.', '{it}. That is lovely news.'],
  'about-thing-low': ['{it}. I am sorry, that is a hard thing.', '{it}. I am sorry. What would help a little now?'],
  'about-thing-cross': ['{it}, of course. That would annoy me too.', '{it}. I understand that you are fed up with that.'],
  'about-who-bright': ['How good to hear that about {who}!', 'I am glad, for {who} and for you.'],
  'about-who-low': ['I am sorry. It goes deeper when it is {who}.', 'I am sorry. How are things with {who} now, and with you?'],
  'turned-low': ['Oh. I am sorry, that changes things. Tell me what happened.', 'I am sorry. Just when it was going well.'],
  plan: ['That sounds like a plan. I hope it goes well.', 'All right, then that is settled. Tell me how it went, if you like.'],
  'takes-back': ['Then forget what I suggested. You know this better.', 'I see. I take mine back.'],
  'cannot-do': ['I am sorry, that is a thing I cannot do here.', 'I cannot do that one. I can listen, though.'],
  'goes-on': ['I follow you.', 'All right, I have that as well.', 'I am listening. What came next?'],
  'asked-self': [
    'I have no answer ready for that. I am a bot that plays {name}. What would yours be?',
    'I have never tried to answer that. You go first.',
  ],
  leaves: ['Of course, do not let me keep you. Take care.', 'Go, then. It was good talking to you.'],
};
