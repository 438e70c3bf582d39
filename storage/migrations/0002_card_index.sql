-- Which application's card a pressed message is.
CREATE INDEX applications_card ON applications (card_chat, card_message);
