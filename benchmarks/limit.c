/* The hottest rules as a C programmer would write them by hand: the same arithmetic in the same order over the same
   arrays, so that the results agree to the last digit. And the speed of this machine's memory.

   `limit.py` fills `struct world` by the names of its fields: `units_men` is the trait `men` of the group `units`. */

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { HOLDING = 0, RELIEVING = 4 };            /* UnitState */
enum { PARLEY = 2, ASSAULT = 3, BESIEGE = 4 };  /* Mode */
enum { GOVERNMENT = 0 };                        /* Holder */
enum { ON_THE_ROAD = 0, WAITING = 1, SETTLED = 4 };  /* RefugeeState */
enum { AIR_COVER = 0, PAY = 1 };                /* Condition */
enum { REFUGEE_ROWS = 6, TRAVELLERS = 13, SET_OUT = 14, PEOPLE_SETTLED = 15 };  /* Count */

struct world {
    int64_t *size_districts, *size_units, *size_forces;
    double *supply, *morale, *avoid_km, *hungry_below, *patience_days;
    int64_t *day;
    uint8_t *districts_is_hub, *districts_connected, *districts_closed, *districts_pressed;
    uint8_t *garrisons_faced, *garrisons_stocked;
    int64_t *districts_holder, *districts_reached, *districts_choice, *districts_helped_on, *districts_stood_on;
    double *districts_dread, *districts_fighting;
    int64_t *roads_first, *roads_neighbour;
    int16_t *roads_onward;
    double *roads_days, *roads_between;
    int64_t *garrisons_first_unit, *garrisons_present, *garrisons_men, *garrisons_mobile, *garrisons_local;
    double *garrisons_morale, *garrisons_resolve, *garrisons_hunger, *garrisons_unanswered;
    int64_t *units_men, *units_state, *units_district, *units_asked_days, *units_next_there;
    double *units_morale, *units_resolve, *units_supply_days, *units_losses;
    int64_t *forces_men, *forces_district, *forces_mode, *forces_next_there;
    int64_t *posts_people_waiting, *posts_arrivals_today;
    int64_t *refugees_people, *refugees_district, *refugees_destination, *refugees_post, *refugees_state;
    int64_t *refugees_next_district, *refugees_due_on, *refugees_waited_days;
    double *refugees_days_to_go;
    int64_t *queues_front, *queues_back, *queues_behind, *queues_travelling;
    double *conditions;
    int64_t *tally;
};

static inline double from_0_to_1(double share)
{
    double above = share > 0.0 ? share : 0.0;
    return above < 1.0 ? above : 1.0;
}

static inline double hunger_of(double supply_days, double hungry_below)
{
    return supply_days >= hungry_below ? 0.0 : from_0_to_1(1.0 - supply_days / hungry_below);
}

static inline double unanswered_of(int64_t asked_days, double patience_days)
{
    return asked_days <= 0 ? 0.0 : from_0_to_1((double)asked_days / patience_days);
}

/* muster */

static double mean_hunger(const struct world *w, int64_t here)
{
    const int64_t *restrict men = w->units_men, *restrict next_there = w->units_next_there;
    const double hungry_below = *w->hungry_below;
    double hunger = 0.0;

    for (int64_t unit = w->garrisons_first_unit[here]; unit >= 0; unit = next_there[unit])
        hunger += (double)men[unit] * hunger_of(w->units_supply_days[unit], hungry_below);
    return hunger / (double)(w->garrisons_men[here] > 1 ? w->garrisons_men[here] : 1);
}

static void average_garrison(const struct world *w, int64_t here)
{
    const int64_t *restrict men = w->units_men, *restrict next_there = w->units_next_there;
    const int64_t *restrict asked_days = w->units_asked_days;
    const double *restrict morale = w->units_morale, *restrict resolve = w->units_resolve;
    const double patience_days = *w->patience_days;
    double of_morale = 0.0, of_resolve = 0.0, of_unanswered = 0.0;

    for (int64_t unit = w->garrisons_first_unit[here]; unit >= 0; unit = next_there[unit]) {
        const double weight = (double)men[unit];
        of_morale += weight * morale[unit];
        of_resolve += weight * resolve[unit];
        of_unanswered += weight * unanswered_of(asked_days[unit], patience_days);
    }
    const double all = (double)(w->garrisons_men[here] > 1 ? w->garrisons_men[here] : 1);
    w->garrisons_morale[here] = of_morale / all;
    w->garrisons_resolve[here] = of_resolve / all;
    w->garrisons_hunger[here] = mean_hunger(w, here);
    w->garrisons_unanswered[here] = of_unanswered / all;
}

static void count_forces(const struct world *w)
{
    const int64_t districts = *w->size_districts, forces = *w->size_forces;
    const int64_t *restrict men = w->forces_men, *restrict district = w->forces_district;
    const int64_t *restrict mode = w->forces_mode;
    int64_t *restrict mobile = w->garrisons_mobile, *restrict local = w->garrisons_local;
    int64_t *restrict next_there = w->forces_next_there;

    memset(mobile, 0, districts * sizeof *mobile);
    memcpy(local, men, districts * sizeof *local);
    memset(next_there, -1, districts * sizeof *next_there);
    for (int64_t force = forces - 1; force >= districts; force--) {
        const int64_t here = district[force];
        next_there[force] = next_there[here];
        next_there[here] = force;
        if (mode[force] >= PARLEY && mode[force] <= BESIEGE)
            mobile[here] += men[force];
    }
}

void muster(const struct world *w)
{
    const int64_t districts = *w->size_districts;
    const int64_t *restrict mobile = w->garrisons_mobile;
    const uint8_t *restrict pressed = w->districts_pressed;
    uint8_t *restrict faced = w->garrisons_faced;

    count_forces(w);
    memcpy(w->garrisons_men, w->garrisons_present, districts * sizeof *w->garrisons_men);
    for (int64_t here = 0; here < districts; here++) {
        faced[here] = pressed[here] | (mobile[here] > 0);
        if (faced[here] || w->forces_next_there[here] >= 0)
            average_garrison(w, here);
    }
}

/* supply */

static void find_connected(const struct world *w, double ratio)
{
    const int64_t districts = *w->size_districts;
    const int64_t *restrict holder = w->districts_holder, *restrict men = w->garrisons_men;
    const int64_t *restrict local = w->garrisons_local, *restrict mobile = w->garrisons_mobile;
    const int64_t *restrict first = w->roads_first, *restrict neighbour = w->roads_neighbour;
    const uint8_t *restrict pressed = w->districts_pressed, *restrict is_hub = w->districts_is_hub;
    uint8_t *restrict closed = w->districts_closed, *restrict connected = w->districts_connected;
    int64_t *restrict todo = w->districts_reached;
    int64_t found = 0;

    for (int64_t here = 0; here < districts; here++) {
        const uint8_t lost = holder[here] != GOVERNMENT;
        const uint8_t cut =
            (pressed[here] | (mobile[here] > 0)) & ((double)(local[here] + mobile[here]) >= ratio * (double)men[here]);
        const uint8_t starts = is_hub[here] & !lost;
        closed[here] = lost | cut | starts;
        connected[here] = starts;
    }
    for (int64_t here = 0; here < districts; here++)
        if (connected[here])
            todo[found++] = here;
    for (int64_t done = 0; done < found; done++) {
        const int64_t here = todo[done];
        for (int64_t link = first[here]; link < first[here + 1]; link++) {
            const int64_t there = neighbour[link];
            if (closed[there])
                continue;
            closed[there] = 1;
            connected[there] = 1;
            todo[found++] = there;
        }
    }
}

static int64_t list_hungry(const struct world *w)
{
    const int64_t districts = *w->size_districts;
    int64_t hungry = 0;

    for (int64_t here = 0; here < districts; here++) {
        if (w->districts_connected[here] || w->garrisons_men[here] == 0)
            continue;
        w->garrisons_hunger[here] = mean_hunger(w, here);
        if (w->garrisons_hunger[here] > 0.0)
            w->districts_choice[hungry++] = here;
    }
    return hungry;
}

static void airlift(const struct world *w, int64_t hungry, int64_t flights, double full_days)
{
    const int64_t *restrict choice = w->districts_choice;
    double *restrict hunger = w->garrisons_hunger;

    for (; flights > 0 && hungry > 0; flights--) {
        int64_t neediest = choice[0];
        for (int64_t place = 1; place < hungry; place++)
            if (hunger[choice[place]] > hunger[neediest])
                neediest = choice[place];
        if (hunger[neediest] <= 0.0)
            break;
        hunger[neediest] = 0.0;
        for (int64_t unit = w->garrisons_first_unit[neediest]; unit >= 0; unit = w->units_next_there[unit])
            w->units_supply_days[unit] = full_days;
    }
}

static void use_up_or_restock(const struct world *w)
{
    const int64_t districts = *w->size_districts;
    const double full_days = w->supply[0], eaten = -w->supply[1], restock = w->supply[2];
    const int64_t *restrict next_there = w->units_next_there;
    const uint8_t *restrict connected = w->districts_connected;
    uint8_t *restrict stocked = w->garrisons_stocked;
    double *restrict supply_days = w->units_supply_days;

    for (int64_t here = 0; here < districts; here++) {
        if (stocked[here] & connected[here])
            continue;
        const double change = connected[here] ? restock : eaten;
        uint8_t full = connected[here];
        for (int64_t unit = w->garrisons_first_unit[here]; unit >= 0; unit = next_there[unit]) {
            const double stock = supply_days[unit] + change;
            const double above = stock > 0.0 ? stock : 0.0;
            supply_days[unit] = above < full_days ? above : full_days;
            full &= supply_days[unit] == full_days;
        }
        stocked[here] = full;
    }
}

void supply(const struct world *w)
{
    const int64_t flights = (int64_t)w->supply[5];

    find_connected(w, w->supply[4]);
    const int64_t hungry = flights >= 1 ? list_hungry(w) : 0;
    use_up_or_restock(w);
    airlift(w, hungry, flights, w->supply[0]);
}

/* settle_morale */

void settle_morale(const struct world *w)
{
    const double base = w->morale[0], settle_rate = w->morale[1], of_resolve = w->morale[2], contagion = w->morale[3];
    const double of_hunger = w->morale[4], of_unanswered = w->morale[5], of_pay = w->morale[6];
    const double of_air_cover = w->morale[7], of_losses = w->morale[8];
    const double help_lift = w->morale[9], stand_lift = w->morale[10];
    const double pay = of_pay * (w->conditions[PAY] - 1.0);
    const double air_cover = of_air_cover * (w->conditions[AIR_COVER] - 1.0);
    const double hungry_below = *w->hungry_below, patience_days = *w->patience_days;
    const int64_t units = *w->size_units, day = *w->day;
    const int64_t *restrict state = w->units_state, *restrict district = w->units_district;
    const int64_t *restrict asked_days = w->units_asked_days;
    const int64_t *restrict helped_on = w->districts_helped_on, *restrict stood_on = w->districts_stood_on;
    const double *restrict resolve = w->units_resolve, *restrict supply_days = w->units_supply_days;
    const double *restrict dread = w->districts_dread;
    double *restrict morale = w->units_morale, *restrict losses = w->units_losses;

    for (int64_t unit = 0; unit < units; unit++) {
        if (state[unit] > RELIEVING)
            continue;
        const int64_t here = district[unit];
        const double goal = base + of_resolve * resolve[unit] - contagion * dread[here] -
                            of_hunger * hunger_of(supply_days[unit], hungry_below) -
                            of_unanswered * unanswered_of(asked_days[unit], patience_days) + pay + air_cover;
        double now = morale[unit] + settle_rate * (goal - morale[unit]);
        if (helped_on[here] == day)
            now += help_lift;
        if (stood_on[here] == day - 1)
            now += stand_lift;
        now -= of_losses * losses[unit];
        losses[unit] = 0.0;
        morale[unit] = from_0_to_1(now);
    }
}

/* travel */

static int64_t cheapest_link(const struct world *w, int64_t here, int64_t goal, int64_t usual)
{
    const int64_t districts = *w->size_districts;
    const double *restrict between = w->roads_between, *restrict fighting = w->districts_fighting;
    int64_t best = -1;
    double lowest = 1e18;

    if (!(fighting[w->roads_neighbour[usual]] > 0.0))
        return usual;
    for (int64_t link = w->roads_first[here]; link < w->roads_first[here + 1]; link++) {
        const int64_t there = w->roads_neighbour[link];
        const double left = between[there * districts + goal];
        if (left >= between[here * districts + goal])
            continue;
        const double price = left + between[here * districts + there] + *w->avoid_km * fighting[there];
        if (price < lowest) {
            lowest = price;
            best = link;
        }
    }
    return best;
}

static void arrive(const struct world *w, int64_t family)
{
    const int64_t post = w->refugees_post[family], people = w->refugees_people[family];

    if (post < 0) {
        w->refugees_state[family] = SETTLED;
        w->tally[PEOPLE_SETTLED] += people;
        return;
    }
    w->refugees_state[family] = WAITING;
    w->refugees_waited_days[family] = 0;
    w->posts_people_waiting[post] += people;
    w->posts_arrivals_today[post] += people;
    if (w->queues_front[post] < 0)
        w->queues_front[post] = family;
    else
        w->queues_behind[w->queues_back[post]] = family;
    w->queues_back[post] = family;
    w->queues_behind[family] = -1;
}

void travel(const struct world *w)
{
    const int64_t districts = *w->size_districts, day = *w->day;
    const int64_t *restrict first = w->roads_first, *restrict neighbour = w->roads_neighbour;
    const int16_t *restrict onward = w->roads_onward;
    const int64_t *restrict destination = w->refugees_destination, *state = w->refugees_state;
    const double *restrict days = w->roads_days;
    int64_t *restrict travelling = w->queues_travelling, *restrict due_on = w->refugees_due_on;
    int64_t *restrict district = w->refugees_district, *restrict next_district = w->refugees_next_district;
    double *restrict days_to_go = w->refugees_days_to_go;
    int64_t travellers = w->tally[TRAVELLERS], still = 0;

    for (int64_t family = w->tally[SET_OUT]; family < w->tally[REFUGEE_ROWS]; family++)
        travelling[travellers++] = family;
    w->tally[SET_OUT] = w->tally[REFUGEE_ROWS];
    for (int64_t place = 0; place < travellers; place++) {
        const int64_t family = travelling[place];
        travelling[still] = family;
        if (state[family] != ON_THE_ROAD)
            continue;
        if (due_on[family] > day) {
            still++;
            continue;
        }
        const int64_t goal = destination[family];
        int64_t here = next_district[family], next = here;
        double to_go = days_to_go[family], step = to_go < 1.0 ? to_go : 1.0, left = 1.0 - step;
        to_go -= step;
        while (here != goal && left > 1e-9) {
            const int64_t link = cheapest_link(w, here, goal, first[here] + onward[goal * districts + here]);
            next = neighbour[link];
            to_go = days[link];
            step = to_go < left ? to_go : left;
            to_go -= step;
            left -= step;
            if (to_go > 1e-9)
                break;
            here = next;
        }
        district[family] = here;
        if (here == goal) {
            arrive(w, family);
            continue;
        }
        const double before_the_last = ceil(to_go - 1.0 - 1e-9);
        const int64_t whole = before_the_last > 0.0 ? (int64_t)before_the_last : 0;
        next_district[family] = next;
        due_on[family] = day + 1 + whole;
        days_to_go[family] = to_go - (double)whole;
        still++;
    }
    w->tally[TRAVELLERS] = still;
}

/* How they are timed: a rule after its state was put back, so many times; and the putting back alone. */

void nothing(const struct world *w)
{
    (void)w;
}

void again(int64_t times, void (*rule)(const struct world *), const struct world *w, int64_t traits,
           void *const *written, void *const *saved, const int64_t *bytes)
{
    for (; times > 0; times--) {
        for (int64_t trait = 0; trait < traits; trait++)
            memcpy(written[trait], saved[trait], bytes[trait]);
        rule(w);
    }
}

/* The triad of STREAM (McCalpin 1995): two arrays are read and one is written, `times` times over. */

void triad(int64_t times, int64_t rows, double *restrict to, const double *restrict one, const double *restrict other)
{
    for (; times > 0; times--) {
        const double factor = 1.0 + (double)times;
        for (int64_t row = 0; row < rows; row++)
            to[row] = one[row] + factor * other[row];
    }
}
