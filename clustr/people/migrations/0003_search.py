"""What a person is found by: the words of their name and address, and their phone number's digits, with and without the
country's prefix. Derived by PostgreSQL from the row itself, so it changes and is forgotten with it."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

SEARCH = r"""
CREATE FUNCTION people_words(VARIADIC texts text[]) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_to_tsvector(array_remove(
    regexp_split_to_array(lower(array_to_string(texts, ' ')), '[^[:alnum:]]+'), ''))
$$;

ALTER TABLE people_user ADD COLUMN search tsvector GENERATED ALWAYS AS (
  people_words(name, email, regexp_replace(phone, '[^0-9]', '', 'g'), right(regexp_replace(phone, '[^0-9]', '', 'g'), 10))
) STORED;
CREATE INDEX people_user_search ON people_user USING gin (search);
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("people", "0002_private")]
    operations: ClassVar = [sql(SEARCH, "ALTER TABLE people_user DROP COLUMN search; DROP FUNCTION people_words")]
