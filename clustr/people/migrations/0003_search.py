"""What a person is found by: the words of their name and address, and their phone number's digits, with and without the
country's prefix. Derived by PostgreSQL from the row itself, so it changes and is forgotten with it."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

SEARCH = r"""
-- The words of some texts: lower case, without accents, in no particular order.
CREATE FUNCTION people_words(VARIADIC texts text[]) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_to_tsvector(array_remove(regexp_split_to_array(
    lower(regexp_replace(normalize(array_to_string(texts, ' '), NFKD), '[\u0300-\u036f]', '', 'g')),
    '[\s!-/:-@\[-`{-~]+'), ''))
$$;

-- The question that finds whoever has a word beginning with each word of a text. A number may be asked for with the zero
-- that is dialled inside the country. NULL when the text has no words.
CREATE FUNCTION people_find(asked text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT string_agg(CASE WHEN word ~ '^0[0-9]+$'
    THEN '(' || quote_literal(word) || ':* | ' || quote_literal(substr(word, 2)) || ':*)'
    ELSE quote_literal(word) || ':*' END, ' & ')::tsquery
  FROM unnest(tsvector_to_array(people_words(replace(asked, '\', ' ')))) AS word
$$;

-- What somebody of this name, address and phone number is found by.
CREATE FUNCTION people_found_by(name text, email text, phone text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT people_words(name, email, regexp_replace(phone, '[^0-9]', '', 'g'),
                      right(regexp_replace(phone, '[^0-9]', '', 'g'), 10))
$$;

ALTER TABLE people_user ADD COLUMN search tsvector GENERATED ALWAYS AS (people_found_by(name, email, phone)) STORED;
CREATE INDEX people_user_search ON people_user USING gin (search);
"""

BACK = "ALTER TABLE people_user DROP COLUMN search; DROP FUNCTION people_found_by, people_find, people_words"


class Migration(migrations.Migration):
    dependencies: ClassVar = [("people", "0002_private")]
    operations: ClassVar = [sql(SEARCH, BACK)]
