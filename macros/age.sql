{# Ages as the law counts them: an age is attained the day before the birthday (年齢計算ニ関スル法律), so who is born on
   the first of a month attains it at the end of the month before. The day of birth is not needed beyond that. #}

{# Month (as month_number) whose end sees the anniversary. #}
{% macro effective_birth_month_number(birth_month, is_born_on_first) -%}
    ({{ month_number(birth_month) }} - case when {{ is_born_on_first }} then 1 else 0 end)
{%- endmacro %}

{# Age attained by the end of a month. #}
{% macro age_at_month_end(birth_month, is_born_on_first, month) -%}
    cast(floor(({{ month_number(month) }} - {{ effective_birth_month_number(birth_month, is_born_on_first) }}) / 12.0)
        as bigint)
{%- endmacro %}

{# Age attained by 31 March, the end of the fiscal year. #}
{% macro age_at_fiscal_year_end(birth_month, is_born_on_first, fiscal_year) -%}
    cast(floor((({{ fiscal_year }} + 1) * 12 + 3 - {{ effective_birth_month_number(birth_month, is_born_on_first) }})
        / 12.0) as bigint)
{%- endmacro %}
