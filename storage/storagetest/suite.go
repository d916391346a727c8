package storagetest

import (
	"context"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
)

// promise is a case of the suite.
type promise struct {
	name string
	run  func(*env)
}

// Run holds a store to everything package storage promises, on whichever
// database open opens. Cases use issuers of their own and share one store.
func Run(t *testing.T, open func(testing.TB) *storage.Store) {
	store := open(t)
	for _, c := range slices.Concat(keys(), clients(), factors(), connections(), exchanges(), administration(), records(), policies(), []promise{
		{"TenantsComeBackAsTheyWereStored", testTenants},
		{"ListsComeInPagesWithoutGapsOrTheDeleted", testPages},
		{"AForeignIssuerOrWorkspaceFindsNothing", testIsolation},
		{"PeopleAreFoundByUpstreamIdentityOnly", testUsers},
		{"IdentitiesAreListedAndRemovedInTheirWorkspace", testIdentities},
		{"RemovingAMemberEndsTheirSessionsAndGrants", testRemoveMember},
		{"SessionsAreFoundByCookieWithTheirLineage", testSessions},
		{"APersonsSessionsAreThoseOfOneWorkspace", testSessionsOfAPerson},
		{"TheClientsOfASessionAreThoseGrantedSomethingInIt", testSessionClients},
		{"WhatIsWrittenTogetherFailsAlone", testTogether},
		{"WhatIsIssuedTogetherIsWrittenOrRefusedAlone", testIssuedTogether},
		{"ATokenIssuedWhileItsGrantIsKilledIsDead", testIssuedWhileKilled},
		{"GrantsComeBackWithTheirLineage", testGrants},
		{"StandingGrantsAreOneForAllWhoAsk", testStandingGrants},
		{"TokensComeBackWithGrantAndLineage", testTokens},
		{"AnIssuanceIsWrittenWholeOrNotAtAll", testIssue},
		{"AccessTokensAreRevokedOneByOne", testRevokeAccessToken},
		{"AuthorizationRequestsAreUsedOnce", testRequests},
		{"PushedRequestsAreUsedOnceByTheirClient", testPushedRequests},
		{"RequestsThatWaitAreCounted", testWaiting},
		{"AnIDIsUsedOnce", testUseOnce},
		{"DeviceCodesAreDecidedAndRedeemedOnce", testDeviceCodes},
		{"PendingDeviceCodesAreCountedUntilTheyEnd", testPendingDevices},
		{"DeviceCodesEndWithTheirTimeOrTheirGrant", testDeviceExpiry},
		{"UpstreamStatesAreGoodOnceAndAtTheirConnection", testUpstreamStates},
		{"ConsentsAreReplaced", testConsents},
		{"WhatEndedIsDeletedAndNothingElse", testExpiry},
		{"TimesInAnyZoneAreTheSameMoment", testZones},
		{"FinalStatesAreFinal", testFinalStates},
		{"KillingAnyAncestorEndsTheToken", testKillProperty},
		{"RevivingDoesNotResurrect", testRevive},
		{"AFailedTransactionLeavesNothing", testRollback},
		{"TransactionsSeeTheirOwnWrites", testOwnWrites},
		{"WhatIsSentLaterIsHeldToTheSame", testLater},
		{"OneOfManyEndsARequestLater", testLaterRace},
		{"WhatIsOverlookedIsNotToldAsWritten", testOverlooked},
		{"AnIdentityIsHeldBySignIns", testIdentityHeld},
		{"ACancelledContextStaysOne", testCancelled},
		{"NodeEventsAreToldOnceAndInFull", testNodeEvents},
		{"OneOfManyRedeemsACode", testCodeRace},
		{"OneOfManyRotatesARefreshToken", testRefreshRace},
		{"OneOfManyRedeemsADeviceCode", testDeviceRace},
		{"ADeviceCodeIsApprovedOrDeniedNeverBoth", testDecisionRace},
		{"OneOfManyKillsANode", testKillRace},
	}) {
		t.Run(c.name, func(t *testing.T) {
			c.run(&env{
				T: t, ctx: t.Context(), Store: store, now: time.Date(2030, 1, 2, 3, 4, 5, 678_000, time.UTC),
				issuer: authz.IssuerName(authz.NewID("issuer")),
			})
		})
	}
}

// env is what a case works with; the store's verbs are its own.
type env struct {
	*testing.T
	*storage.Store
	ctx    context.Context
	issuer authz.IssuerName
	now    time.Time
}

// must fails the case on an error.
func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// is fails the case unless err is target.
func (e *env) is(err, target error) {
	e.Helper()
	if !isError(err, target) {
		e.Fatalf("got error %v, want %v", err, target)
	}
}

// same fails the case unless got is want, in every field.
func (e *env) same(got, want any) {
	e.Helper()
	if !reflect.DeepEqual(got, want) {
		e.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

// moved fails the case unless a verb moved what it should have.
func (e *env) moved(moved bool, err error) {
	e.Helper()
	e.must(err)
	if !moved {
		e.Fatal("nothing moved")
	}
}

// still fails the case unless a verb found nothing left to move.
func (e *env) still(moved bool, err error) {
	e.Helper()
	e.must(err)
	if moved {
		e.Fatal("something moved")
	}
}

// rounds is how often a race is run: all of it with GATEHOUSE_TEST_FULL=1, a
// part by default, little with -short.
func rounds() int {
	if full, _ := strconv.ParseBool(os.Getenv("GATEHOUSE_TEST_FULL")); full {
		return 200
	}
	if testing.Short() {
		return 3
	}
	return 20
}

// records are the promises about what the server keeps for itself.
func records() []promise {
	return []promise{
		{"SigningKeysAreUniqueForTheirPeriod", testSigningKeys},
		{"AuditEntriesAreListedOldestFirst", testAudit},
		{"U16_ActsOnWhatAnotherTeamLooksAfterAreTold", testAuditTeams},
		{"DeliveriesAreClaimedByOneAndComeBackWhenDropped", testOutbox},
		{"LeasesHaveOneHolderAndARisingFence", testLeases},
		{"ProcessesThatAreThereAreCounted", testPresence},
		{"ALeakIsToldOfOnceAnHourAndItsFuseBurnsOnce", testKeyLeaks},
		{"ImportedKeysAreFoundUntilTheyArePurged", testImportedKeys},
	}
}

// exchanges are the promises about what came of a token by exchange (RFC 8693).
func exchanges() []promise {
	return []promise{
		{"WhatWasExchangedFromATokenEndsWithAllItHangsOn", testExchanged},
		{"WhatWasExchangedFromADocumentsClientEndsWithIt", testExchangedFromDocument},
		{"AChainOfExchangesIsShort", testExchangeChain},
		{"WhatWasRevivedIsNoParentOfWhatIsExchanged", testRevivedParent},
		{"AMemberWhoLeavesTakesAlongWhatIsBeingExchanged", testExchangeUnderway},
		{"NothingIsExchangedPastAKill", testExchangeRace},
	}
}

// administration are the promises about what administrators ask for.
func administration() []promise {
	return []promise{
		{"AnActIsCarriedOutOnceWithItsTransaction", testOnce},
		{"OneOfManyCarriesAnActOut", testOnceRace},
		{"RolesAndTheirBindingsAreAWorkspacesOwn", testRoles},
		{"RoleBindingsAreOfTheirWorkspace", testRoleBindings},
		{"WhatRolesComeToIsReadWithWhateverHangsBelow", testBounds},
		{"TeamsAreAWorkspacesOwn", testTeams},
		{"AnInvitationIsUsedOnceBeforeItsEnd", testInvitations},
		{"ResourcesAreAWorkspacesOwn", testResources},
		{"ServiceAccountsAndMembersHaveRevisions", testOwners},
		{"TheLatestRevisionsOfAClientAreKept", testClientHistory},
	}
}

// policies are the promises about conditional access.
func policies() []promise {
	return []promise{
		{"S25_RulesAreInForceOneVersionAtATime", testPolicies},
		{"S25_OneOfManyPutsItsRulesInForce", testPolicyRace},
		{"S25_EveryNodeHearsOfNewRules", testPolicyEvents},
		{"DecisionsAreKeptForTheirTimeInTheirWorkspace", testDecisions},
		{"ADecisionIsThereExactlyWhenWhatItDecidedOnIs", testIssuedDecision},
		{"APolicyNamesWhatItsWorkspaceReaches", testNamedByPolicy},
		{"ScopesAreInForceOneVersionAtATime", testScopes},
		{"OfManyWhoChangeTheScopesOneDoes", testScopesRace},
		{"EveryNodeHearsOfOtherScopes", testScopesEvents},
	}
}
