// Topics: what several situations have in common. A talk stays on its topic where a message says no new thing, only more of the same.

const situationsOf = {
  'pet-loss': 'pet-died',
  'pet-worry': 'pet-sick pet-missing pet-getting-old',
  loss: 'someone-died grandparent-died anniversary-of-loss clearing-family-home grief-in-small-things',
  illness:
    'family-member-sick caring-for-a-parent scared-medical friend-in-trouble relative-fading operation-ahead kid-sick parent-into-care-home elder-refuses-help bad-news-doctor in-the-waiting-room results-pending relative-in-hospital parent-far-away-worry',
  breakup:
    'breakup miss-my-ex heartbroken divorce cheated-on ex-texted should-we-break-up partner-distant partner-wants-break stood-up ex-has-someone-new',
  love: 'in-love crush first-date-went-well first-date-nerves should-i-text-them they-said-yes dating-apps partner-is-sweet our-anniversary proposing long-distance do-they-like-me asked-out what-are-we',
  wedding: 'engaged getting-married wedding-planning wedding-invitation someone-close-engaged',
  quarrel:
    'sibling-fight partner-fight fight-with-someone betrayed someone-lied disappointed-in-someone jealous-partner anniversary-forgotten friend-ignoring-me left-on-read group-chat-drama lost-a-friendship left-out roommate in-laws mother-drives-me-crazy father-hard-to-reach parents-dont-understand family-toxic family-dinner noisy-neighbours teenager bullied set-a-boundary someone-used-my-things housework-unshared neighbour-dispute sibling-estranged family-load-on-me one-sided-friendship partner-habits talked-about-behind-my-back not-thanked parents-arguing family-decides-for-me loved-one-wronged ex-lets-children-down relative-acts-badly',
  kids: 'baby kid-did-something-funny baby-wont-sleep kids-first-day proud-of-my-kid parenting-is-hard new-baby-in-family kid-milestone kid-growing-fast school-called-about-kid grandchild-joy touching-family-word kid-nuisance school-admin',
  pets: 'new-pet new-puppy cat-did-something dog-did-something pet-is-adorable bird-or-other-pet want-a-pet pet-better pet-learned-trick',
  lonely:
    'lonely homesick birthday-alone missing-family miss-my-friend miss-someone kid-left-home friend-moved-away making-friends nobody-came being-single nobody-likes-me new-in-town-alone friends-drifting-apart holiday-alone hardly-see-each-other kept-from-grandchildren missed-family-event',
  low: 'sad depressed-low want-to-cry numb-empty not-okay everything-going-wrong bad-day tired-of-everything sad-for-no-reason nothing-matters hate-myself not-good-enough failure feel-stuck feel-ugly feel-stupid i-give-up flat-mood passed-over something-ends',
  worry:
    'anxious panic stressed overwhelmed cant-stop-worrying scared scared-of-future cant-sleep-worry imposter-syndrome i-cant-do-this party-anxiety afraid-of-flying dentist-or-needle afraid-to-disappoint-family worry-about-loved-one paperwork-worry dread-at-the-door',
  regret:
    'guilty ashamed regret embarrassed-myself mistake-at-work apologise-to-someone disappointed-in-myself broke-production presentation-went-badly owe-someone-a-reply slipped-up tickets-missed bad-parent-feeling',
  anger:
    'angry furious-at-someone frustrated annoyed rude-customers someone-rude-online rude-stranger blamed-unfairly overcharged on-hold delivery-trouble something-stolen machine-took-money tradesman-no-show red-tape everything-is-an-app someone-spoiled-it street-trouble excluded-by-rules not-taken-seriously promise-not-kept changed-for-worse',
  work: 'boss-awful coworkers-annoying too-many-meetings overtime want-to-quit deadline burned-out no-promotion boss-wants-to-talk new-manager monday-at-work on-call-night bored-at-work commute code-review credit-stolen back-to-work rota-trouble unappreciated-at-work harsh-feedback petty-boss-rules pay-was-wrong short-staffed night-shift new-colleague work-training work-social',
  'job-loss': 'got-fired laid-off job-hunt application-rejected interview-went-badly waiting-to-hear-back fear-for-job work-dries-up',
  'job-good':
    'got-the-job promoted boss-praised first-day-new-job starting-business interview-went-well quit-job career-change payday side-project trusted-with-more good-people-at-work years-of-service',
  ahead:
    'interview-tomorrow presentation public-speaking hard-conversation ask-for-raise meeting-the-parents exam-tomorrow first-day-of-school wish-me-luck hard-to-tell',
  study:
    'studying thesis homework-help failed-exam bad-grade teacher-unfair hate-school group-project choosing-major drop-out test-went-badly uni-life',
  success:
    'passed-exam graduated got-into-university i-won i-did-it proud-of-myself finished-project finished-a-game performed made-art people-liked-it worked-out kept-habit quit-bad-habit bug-fixed learned-something driving-test-passed presentation-went-well sold-something approved did-something-kind built-or-mended test-went-well small-win-at-work hobby-success audience-grew learned-tech-late lost-weight first-time-did-it',
  tired: 'im-tired cant-sleep overslept coffee-needed nap just-woke-up long-day slept-badly',
  bored: 'im-bored what-to-do-today',
  food: 'cooked-something-good cooking-failed what-should-i-eat im-hungry baking just-ate coffee-or-tea craving-sweets lunch-break diet recipe-please food-opinion cook-with-these bad-meal-out having-people-over cooking-now trying-for-first-time',
  travel:
    'going-on-trip travel-plans beach city-trip holiday-starts packing camping hiking flight-delayed train-or-bus-late traffic long-drive holiday-ruined missed-it home-from-trip off-to-visit-family asks-about-a-place travel-mishap',
  home: 'moving-house new-home moved-in cleaning laundry something-broke gardening plants-thriving plant-died moving-in-together landlord-wont-fix heating-or-power-out pests-at-home diy-disaster home-is-tidy having-work-done decorating-plans lift-or-building-trouble house-mystery may-lose-home spoiled-by-weather',
  machines: 'computer-problem phone-broke internet-down code-doesnt-work lost-keys car-trouble',
  money: 'broke-no-money bills rent student-debt lost-wallet saving lent-money big-purchase cant-afford-it prices-up scam-worry money-blow',
  pastime:
    'video-games series-or-anime just-watched-a-film reading playing-an-instrument singing drawing writing photography new-hobby board-games running yoga cycling swimming sports-game lost-a-game my-team-won gym-motivation stuck-on-level doing-a-puzzle fishing-or-birding comfort-rewatch new-release big-match-ahead invites-to-play game-trouble own-collection',
  party:
    'my-birthday birthday-plans party friends-birthday good-news celebrate-with-me weekend weekend-plans happy-friday festival gift-idea reunion concert going-out-tonight',
  unwell: 'sick-with-cold headache sore-muscles nightmare calling-in-sick allergies hurt-myself pregnancy-aches aching-body body-failing',
  glad: 'im-happy great-day best-day-ever so-excited cant-wait grateful relieved things-getting-better feel-hopeful someone-was-kind made-a-friend its-finally-over beautiful-view someone-recovering saw-a-friend working-again unexpected-time-off nice-customer family-visit-survived friend-back-in-touch someone-coming-to-visit partner-back-soon body-mended good-enough-day quiet-morning family-joy someone-elses-win small-luck health-good-news small-gift',
} as const;

export type Topic = keyof typeof situationsOf;
export const topicNames = Object.keys(situationsOf) as Topic[];

const topics = new Map(
  topicNames.flatMap((topic) => situationsOf[topic].split(' ').map((situation): [string, Topic] => [situation, topic])),
);

export function topicOf(situation: string): Topic | undefined {
  return topics.get(situation);
}

/** Every situation that some topic names, for the check that all of them exist. */
export function situationsWithTopics(): string[] {
  return [...topics.keys()];
}

/** Topics that only bad news begins. */
export const lowTopics: ReadonlySet<Topic> = new Set<Topic>([
  'pet-loss',
  'pet-worry',
  'loss',
  'illness',
  'breakup',
  'quarrel',
  'lonely',
  'low',
  'worry',
  'regret',
  'anger',
  'work',
  'job-loss',
  'unwell',
  'money',
]);
